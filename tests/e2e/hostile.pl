#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# A target for tests/e2e/hostile.t: it listens where ASSAY_ADDRESS and ASSAY_PORT say, over UDP and TCP, answers Binding
# requests well enough to be taken for alive, and everything else by the manner that is its argument.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($manner) = @ARGV;
$SIG{PIPE} = 'IGNORE';
my %at = (LocalAddr => $ENV{ASSAY_ADDRESS}, LocalPort => $ENV{ASSAY_PORT});
my $udp = IO::Socket::INET->new(%at, Proto => 'udp') or die "udp: $!";
my $tcp = IO::Socket::INET->new(%at, Proto => 'tcp', Listen => 64, ReuseAddr => 1) or die "tcp: $!";
print "up\x1b[2J\x00\xff\nnot ok 1 - in its log\n";

sub attribute {
	my ($type, $value) = @_;
	return pack('nn', $type, length $value) . $value . "\0" x (-length($value) % 4);
}

# A message of the class ("success" or "error") for a request, with the attributes.
sub message {
	my ($request, $class, $body) = @_;
	my $bits = $class eq 'error' ? 0x110 : 0x100;
	return pack('nn', unpack('n', $request) | $bits, length $body) . substr($request, 4, 16) . $body;
}

sub challenge {
	my ($request, $reason, $realm, $software, $name) = @_;
	return message($request, 'error', attribute(0x0009, pack('nCC', 0, 4, 1) . $reason) . attribute(0x0014, $realm)
		. attribute(0x0015, 'f//499k954d6OL34oL9FSTvy64sA') . attribute(0x8022, $software) . attribute(0x802e, $name));
}

my @texts = (
	"quote \" and ' colon: # hash # TODO not a directive # SKIP nor this {",
	"line\nnot ok 99 - forged\r\nBail out! forged\n1..0\n",
	"NUL \0 \0 end",
	"invalid \xff\xfe\xc3\x28 \xed\xa0\x80 UTF-8, and \xe2\x80\xae valid \xf0\x9f\x92\xa9",
	"\x1b[31mred\x1b]0;title\x07 \x9b31m \x08\x08\x7f",
	"  ---\n  yaml: yes\n  ...\n",
	"\\ %s %n \$(reboot) `id` <b>&amp;</b>",
	'',
	' ',
	'x' x 700,
);
my $turn = 0;
my $noise = join '', map { chr int rand 256 } 1 .. 65600;

sub noise { my ($size) = @_; return substr $noise, int rand(65600 - $size), $size }

# manner => request -> the datagrams or frames that answer it
my %manners = (
	texts => sub {
		my @from = map { $texts[($turn + $_) % @texts] } 0 .. 3;
		$turn++;
		return challenge($_[0], @from);
	},
	garbage => sub { return noise(65507) },
	'garbage-of-stun' => sub { return message($_[0], 'error', noise(65484)) },
	truncated => sub {
		my $whole = challenge($_[0], 'Unauthorized', 'realm', 'software', 'name');
		my $length = $turn++ % length $whole;
		return substr $whole, 0, $length;
	},
	'length-beyond' => sub { my $whole = challenge($_[0], 'x', 'realm', 'y', 'z'); substr($whole, 2, 2) = "\xff\xfc"; return $whole },
	'attribute-beyond' => sub { my $whole = challenge($_[0], 'x', 'realm', 'y', 'z'); substr($whole, 22, 2) = "\xff\xff"; return $whole },
	many => sub { return (challenge($_[0], 'Unauthorized', 'realm', 'software', 'name')) x 400 },
	'many-strangers' => sub {
		my ($request) = @_;
		my @strangers = map { my $other = $request; substr($other, 8, 12) = pack 'NNN', $_, 0, 0; challenge($other, 'x', 'r', 's', 'n') } 1 .. 400;
		return (@strangers, challenge($request, 'Unauthorized', 'realm', 'software', 'name'));
	},
	'many-attributes' => sub { return message($_[0], 'error', attribute(0x0009, pack('nCC', 0, 4, 1)) . attribute(0x7f00, '') x 12000) },
	indications => sub { return map { pack('nnN', 0x0017, 0, 0x2112a442) . pack 'NNN', $_, 1, 2 } 1 .. 200 },
	success => sub { return message($_[0], 'success', '') },
	'all-codes' => sub {
		my $code = (300, 400, 401, 403, 420, 437, 438, 441, 486, 500, 508, 699, 799, 0)[$turn++ % 14];
		return message($_[0], 'error', attribute(0x0009, pack('nCC', 0, int($code / 100), $code % 100) . 'reason')
			. attribute(0x0014, 'realm') . attribute(0x0015, "nonce $turn") . attribute(0x802e, 'name'));
	},
	silence => sub { return () },
	echo => sub { return $_[0] },
);
my $answers = $manners{$manner} or die "no manner '$manner'";

my $select = IO::Select->new($udp, $tcp);
my %pending; # octets of each connection
while (1) {
	for my $ready ($select->can_read) {
		if ($ready == $udp) {
			my $peer = $udp->recv(my $request, 65535) or next;
			next if length $request < 20;
			my $binding = unpack('n', $request) == 1;
			$udp->send($_, 0, $peer) for $binding ? message($request, 'success', '') : $answers->($request);
		} elsif ($ready == $tcp) {
			my $connection = $tcp->accept or next;
			$select->add($connection);
			$pending{$connection} = '';
		} else {
			my $count = sysread $ready, $pending{$ready}, 65536, length $pending{$ready};
			if (!$count) {
				$select->remove($ready);
				delete $pending{$ready};
				close $ready;
				next;
			}
			while (length $pending{$ready} >= 20) {
				my $size = 20 + unpack 'x2n', $pending{$ready};
				last if length $pending{$ready} < $size;
				my $request = substr $pending{$ready}, 0, $size, '';
				my $binding = unpack('n', $request) == 1;
				$ready->blocking(0); # a reader that does not read must not hold up the others
				syswrite $ready, $_ for $binding ? message($request, 'success', '') : $answers->($request);
				$ready->blocking(1);
			}
		}
	}
}
