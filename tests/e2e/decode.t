#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# assay decode opens the token of a message for whoever has the key, and tells nobody what is secret.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

delete $ENV{ASSAY_KEYS};
my $json = JSON::PP->new->utf8;
my $secret = encode_base64('k' x 32, '');
my $key = "north:A256GCM:$secret";
my $mac_key = encode_base64('m' x 20, '');
my @name = ('--server-name', 'turn.example.org');
my ($status, $out, $err) = run(assay(), 'token', 'seal', '--key', $key, @name, '--lifetime', 600, '--mac-key', $mac_key);
is $status, 0, 'a token is sealed' or diag $err;
my $token = decode_base64($json->decode($out)->{token});

sub message {
	my ($kid) = @_;
	my $body = join '', map { my ($type, $value) = @$_; pack('nn', $type, length $value) . $value . "\0" x (-length($value) % 4) }
		[0x0006, $kid], [0x001B, $token];
	return unpack 'H*', pack('nnN', 0x0003, length $body, 0x2112A442) . 'transaction!' . $body;
}

sub decode { return run(assay(), 'decode', @_) }

($status, $out, $err) = decode('--key', $key, @name, message('north'));
is $status, 0, 'a message is shown' or diag $err;
like $out, qr/ACCESS-TOKEN \(0x001B\).*\n\s+the token, opened under north \(A256GCM\): lifetime 600 s, issued /, 'and its token';
like $out, qr/key_length 20, mac_key hidden/, 'but not mac_key';
unlike $out . $err, qr/\Q$mac_key\E|\Q$secret\E/, 'nor anything secret';
($status, $out) = decode('--with-secrets', '--key', $key, @name, message('north'));
like $out, qr/mac_key \Q$mac_key\E/, 'which --with-secrets shows';
($status, $out) = decode('--format', 'json', '--key', $key, @name, message('north'));
like $json->decode($out)->{inside}, qr/^the token, opened under north .*; key_length 20, mac_key hidden/, 'JSON has it too';

($status, $out) = decode(message('north'));
is $status, 0, 'without a key';
unlike $out, qr/the token/, 'nothing is said of the inside';
($status, $out) = decode('--key', $key, @name, message('south'));
like $out, qr/the token is not opened: no key is given for its kid/, 'another kid: no key';
($status, $out) = decode('--key', $key, '--server-name', 'turn.example.net', message('north'));
is $status, 0, 'another server: the message is shown';
like $out, qr/the token does not open under north/, 'and that the token does not open';

($status, $out, $err) = decode('--key', $key, message('north'));
is $status, 2, 'a key without a server name: status 2';
like $err, qr/--key takes --server-name/, 'and what is wanted';
($status, $out, $err) = decode('--key', 'north:A256GCM:a2tr', @name, message('north'));
is $status, 2, 'a key that does not fit: status 2';
like $err, qr/--key: number 1: /, 'and which';
{
	local $ENV{ASSAY_KEYS} = $key;
	($status, $out) = decode(message('north'));
	is $status, 0, 'ASSAY_KEYS asks for no server name';
	($status, $out) = decode(@name, message('north'));
	like $out, qr/the token, opened under north/, 'and opens where there is one';
}

done_testing;
