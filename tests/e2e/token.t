#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# assay token: sealing and opening from the command line, where keys may come from, what is printed and what is not,
# and what each mistake is told.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX ();
use Test::More;

delete $ENV{ASSAY_KEYS};
my $json = JSON::PP->new->utf8;
my ($sample) = @{$json->decode(slurp('vectors/rfc7635-appendix-a.json'))->{vectors}};
my $key = "north:A256GCM:$sample->{key}";
my @name = ('--server-name', $sample->{server_name});
my $cbc = 'south:A128CBC-HS256:' . encode_base64(join('', map { chr } 0 .. 31), '');

sub token { return run(ref $_[0] ? shift : {}, assay(), 'token', @_) }

sub fields {
	my ($status, $out, $err) = token(@_);
	is $status, 0, "token $_[ref $_[0] ? 1 : 0] exits with 0" or diag $err;
	return $json->decode($out);
}

# Refused with this status, nothing on stdout, and one line on stderr that says why.
sub refused {
	my ($status, $says, @arguments) = @_;
	my ($got, $out, $err) = token(@arguments);
	is $got, $status, "status $status: $says";
	is $out, '', '... and nothing on stdout';
	like $err, qr/\Aassay[^\n]*$says[^\n]*\n\z/, '... and one line that says so';
	unlike $err, qr/\Q$sample->{key}\E/, '... and not the key';
}

subtest 'Appendix A of RFC 7635' => sub {
	my $got = fields('open', '--key', $key, @name, $sample->{token});
	is $got->{timestamp}, 92470300704768, 'timestamp';
	is $got->{issued}, '2014-09-17T20:13:33Z', 'issued';
	is $got->{expires}, '2014-09-17T21:13:33Z', 'expires';
	is $got->{lifetime}, 3600, 'lifetime';
	is $got->{nonce}, unpack('H*', 'h4j3k2l2n4b5'), 'nonce';
	is $got->{kid}, 'north', 'kid';
	is $got->{mac_key}, '(hidden)', 'the session key is not printed';
	like "@{$got->{remarks}}", qr/expired/, 'it is said to be old';
	$got = fields('open', '--key', $key, @name, '--with-secrets', $sample->{token});
	is $got->{mac_key}, $sample->{mac_key}, 'with --with-secrets it is';
	$got = fields('seal', '--key', $key, @name, '--mac-key', $sample->{mac_key}, '--timestamp', '92470300704768',
		'--nonce', unpack('H*', 'h4j3k2l2n4b5'));
	is $got->{token}, $sample->{token}, 'the same fields seal to the same token';
};

subtest 'what is sealed opens' => sub {
	for my $form (qw(F1 F2 F3 F3-bare F4)) {
		my (undef, $sealed) = token('seal', '--key', $cbc, '--server-name', 'turn', '--form', $form, '--lifetime', 77);
		my $got = fields({input => $sealed}, 'open', '--key', $cbc, '--server-name', 'turn');
		is $got->{form}, $form, "form $form";
		is $got->{lifetime}, 77, 'lifetime';
	}
	my $before = time;
	my $got = fields('seal', '--key', $key, '--server-name', '');
	ok $got->{seconds} >= $before - 1 && $got->{seconds} <= time + 1, 'issued now';
	like "@{$got->{remarks}}", qr/mac_key is random and hidden/, 'a session key that nobody sees is remarked on';
};

subtest 'wrong tokens on purpose' => sub {
	my $got = fields('seal', '--key', $key, @name, '--nonce-length', 200, '--key-length', 7, '--extra', 'c0ffee');
	is substr(decode_base64($got->{token}), 0, 2), "\0\xc8", 'nonce_length';
	refused(1, 'nonce_length says 200', 'open', '--key', $key, @name, $got->{token});
	$got = fields('seal', '--key', $key, @name, '--extra', 'c0ffee');
	is fields('open', '--key', $key, @name, $got->{token})->{extra}, 'c0ffee', 'octets behind lifetime';
};

subtest 'where keys come from' => sub {
	my $file = spill(tmp() . '/keys', "# two of them\n\n$cbc\r\n$key\n");
	is fields('open', '--key', "\@$file", @name, $sample->{token})->{kid}, 'north', 'a file';
	is fields({env => {ASSAY_KEYS => "$cbc\n$key"}}, 'open', @name, $sample->{token})->{kid}, 'north', 'the environment';
	refused(2, '--kid says which', 'seal', '--key', "\@$file", @name);
	is fields('seal', '--key', "\@$file", '--kid', 'south', @name)->{kid}, 'south', '--kid';
	refused(2, 'none of the 2 keys has the kid', 'open', '--key', "\@$file", '--kid', 'x', @name, $sample->{token});
	refused(1, 'none of the 2 keys opens it', 'open', '--key', "\@$file", '--server-name', 'x', $sample->{token});
	spill($file, "ok:A128GCM:AAAAAAAAAAAAAAAAAAAAAA==\nnorth:A256GCM:AAAA\n");
	refused(2, 'keys, line 2: A256GCM takes a key of 32 octets, this one has 3', 'open', '--key', "\@$file", @name);
	refused(2, 'key file .*absent: No such file', 'open', '--key', '@/absent', @name);
	spill($file, "# none\n");
	refused(2, 'no key in it', 'open', '--key', "\@$file", @name);
	refused(2, 'no key', 'open', @name, $sample->{token});
};

subtest 'a key given as an argument leaves the process list' => sub {
	my $fifo = tmp() . '/stdin';
	POSIX::mkfifo($fifo, 0600) or die "mkfifo: $!";
	open my $held, '+<', $fifo or die "cannot open $fifo: $!";
	my $process = start('/bin/sh', '-c', 'exec "$0" "$@" <' . $fifo, assay(), 'token', 'open', '--key', $key, @name);
	my $line = sub { (slurp('/proc/' . $process->pid . '/cmdline') =~ tr/\0/ /r) };
	ok wait_until(sub { $line->() =~ /--key \*+ --server-name/ }), 'it is overwritten' or diag $line->();
	print $held "$sample->{token}\n";
	close $held;
	wait_until(sub { !$process->alive });
	is $process->stop, 0, 'and works all the same';
	open $held, '+<', $fifo or die "cannot open $fifo: $!"; # where it waits for its keys
	$process = start(assay(), qw(token seal --mac-key c2VjcmV0 --key), "\@$fifo", @name);
	ok wait_until(sub { $line->() =~ /--mac-key \*+ --key \@/ }), 'a mac_key is too, and the name of a file is not'
		or diag $line->();
	print $held "$key\n";
	close $held;
	wait_until(sub { !$process->alive });
	is $process->stop, 0, 'and that works as well';
};

subtest 'what is no token' => sub {
	my @open = ('open', '--key', $key, @name);
	my $token = $sample->{token};
	refused(1, 'the tag does not fit', 'open', '--key', $key, '--server-name', 'other', $token);
	refused(1, 'multiple of 4', @open, substr($token, 0, -1));
	refused(1, 'the tag does not fit', @open, substr($token, 0, -4) . 'AAA=');
	refused(1, 'URL-safe alphabet', @open, 'A-_A');
	refused(1, 'white space at character 4', @open, 'AAAA AAAA');
	refused(1, '16-octet tag of A256GCM', @open, 'AAAA');
	refused(1, 'has 0 octets', @open);
	my ($status, $out, $err) = token({input => '{"x":1}'}, @open);
	is $status, 1, 'JSON without a token';
	like $err, qr/no text "token"/, '... and said so';
	($status, $out, $err) = token({input => "\0" x 200000}, @open);
	is $status, 1, 'endless octets on stdin';
	is fields({input => $json->encode({access_token => $token, kid => 'north'})}, @open)->{lifetime}, 3600,
		'the answer of an authorization server';
	is fields({input => "  $token\r\n"}, @open)->{lifetime}, 3600, 'white space around it';
};

subtest 'what is no command line' => sub {
	my @seal = ('seal', '--key', $key, @name);
	refused(2, "'seal' or 'open' is expected");
	refused(2, "'seal' or 'open' is expected", 'x');
	refused(2, 'server-name is missing', 'open', '--key', $key, $sample->{token});
	refused(2, 'KID:ALGORITHM:BASE64', 'seal', '--key', 'x', @name);
	refused(2, 'unknown algorithm', 'seal', '--key', "k:A1:$sample->{key}", @name);
	refused(2, '0 to 4294967295', @seal, '--lifetime', $_) for '-1', '4294967296', '1.5', '', ' 1';
	refused(2, '--issued', @seal, '--issued', $_) for 'x', 'nan', '-1', '1e20', '';
	refused(2, 'give one of them', @seal, '--issued', 1, '--timestamp', 1);
	refused(2, '18446744073709551615', @seal, '--timestamp', '18446744073709551616');
	refused(2, 'hexadecimal', @seal, '--nonce', $_) for '0', '0x', 'zz';
	refused(2, 'nonce of 0 octets', @seal, '--nonce', '');
	refused(2, 'form F1 is not one of A256GCM', @seal, '--form', 'F1');
	refused(2, 'unknown form', @seal, '--form', 'f1');
	refused(2, '--mac-key: base64', @seal, '--mac-key', 'A');
	refused(2, 'unknown option', @seal, '--colour', 'red');
	refused(2, 'one token is expected', 'open', '--key', $key, @name, 'AAAA', 'AAAA');
};

subtest 'a disk that is full' => sub {
	for my $arguments (['open', '--key', $key, @name, $sample->{token}], ['seal', '--key', $key, @name], ['open', '--help']) {
		my ($status, undef, $err) = run('/bin/sh', '-c', 'exec "$0" "$@" >/dev/full', assay(), 'token', @$arguments);
		is $status, 4, "status 4: $arguments->[0]";
		like $err, qr/\Aassay[^\n]*cannot write[^\n]*\n\z/, '... and said so';
	}
};

done_testing;
