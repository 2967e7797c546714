# SPDX-License-Identifier: BSD-3-Clause
#
# What several tests of audits share: captures of the reference at work, captures made octet by octet, and the records of
# an audit. Stands upon helper.pm.
package captures;
use strict;
use warnings;

use Digest::SHA qw(sha1);
use Exporter qw(import);
use FindBin;
use lib $FindBin::Bin;
use helper;
use MIME::Base64 qw(encode_base64);

our @EXPORT = qw(demonstration_keys reference_capture audit records stun_message udp_packet tcp_packet write_pcap);

# A file with the keys of the reference, as --key takes it.
sub demonstration_keys {
	my $file = tmp() . '/keys';
	my $key = sub { encode_base64(substr(join('', map { sha1("assay demonstration key $_[0] $_") } 1 .. 4), 0, $_[1]), '') };
	return '@' . spill($file, join '', map { "$_->[0]:$_->[1]:" . $key->($_->[0], $_->[2]) . "\n" } ['north', 'A256GCM', 32], ['south', 'A256GCM', 32],
		['west', 'A128GCM', 16], ['east', 'A128CBC-HS256', 32], ['centre', 'A256CBC-HS512', 64]);
}

# The capture of a run against the reference, of those suites. On a busy machine too, nothing is sent twice for want of
# patience.
sub reference_capture {
	my $folder = tmp();
	my ($status, $out, $err) = run({ timeout => 120 }, assay(), 'run', '--rto', '2', '--format', 'tap', '--out', "$folder/out", @_);
	die "the reference cannot be run: $err" unless -s "$folder/out/capture.pcapng";
	return "$folder/out/capture.pcapng";
}

# my ($status, $out, $err) = audit({options}, 'argument', ...)
sub audit {
	my $options = ref $_[0] ? shift : {};
	return run({ timeout => 120, %$options }, assay(), 'audit', @_);
}

# The records of a type in the JSON of an audit, of one requirement where it is given.
sub records {
	my ($json, $type, $requirement) = @_;
	return grep { $_->{type} eq $type && (!defined $requirement || $_->{requirement} eq $requirement) } json_lines($json);
}

# stun_message(0x0003, 12 octets, type => octets, ...): a message with these attributes.
sub stun_message {
	my ($type, $transaction, @attributes) = @_;
	my $body = '';
	while (my ($number, $value) = splice @attributes, 0, 2) {
		$body .= pack('nn', $number, length $value) . $value . "\0" x (-length($value) % 4);
	}
	return pack('nnN', $type, length $body, 0x2112A442) . $transaction . $body;
}

# udp_packet('192.0.2.1', 4000, '192.0.2.2', 3478, octets): an IPv4 packet.
sub udp_packet {
	my ($source, $source_port, $destination, $destination_port, $payload) = @_;
	my $udp = pack('nnnn', $source_port, $destination_port, 8 + length $payload, 0) . $payload;
	return pack('CCnnnCCn', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0) . pack('C4C4', split(/\./, $source), split(/\./, $destination)) . $udp;
}

# tcp_packet('192.0.2.1', 4000, '192.0.2.2', 3478, sequence, acknowledgement, flags, octets): likewise.
sub tcp_packet {
	my ($source, $source_port, $destination, $destination_port, $sequence, $acknowledgement, $flags, $payload) = @_;
	my $tcp = pack('nnNNCCnnn', $source_port, $destination_port, $sequence, $acknowledgement, 0x50, $flags, 65535, 0, 0) . $payload;
	return pack('CCnnnCCn', 0x45, 0, 20 + length $tcp, 0, 0, 64, 6, 0) . pack('C4C4', split(/\./, $source), split(/\./, $destination)) . $tcp;
}

# write_pcap($path, [seconds, packet, octets that were captured], ...): raw IP, or options {link => number} first.
sub write_pcap {
	my $path = shift;
	my $options = ref $_[0] eq 'HASH' ? shift : {};
	my $content = pack('VvvVVVV', 0xA1B2C3D4, 2, 4, 0, 0, 262144, $options->{link} // 101);
	for (@_) {
		my ($time, $packet, $captured) = @$_;
		$captured //= length $packet;
		$content .= pack('VVVV', int $time, int(($time - int $time) * 1e6 + 0.5), $captured, length $packet) . substr($packet, 0, $captured);
	}
	return spill($path, $content);
}

1;
