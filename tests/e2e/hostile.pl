#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
#   perl hostile.pl MANNER
#
# A target for tests/e2e/hostile.t. It listens where ASSAY_ADDRESS and ASSAY_PORT say, over UDP and TCP, and answers by a
# manner. Binding requests it answers well enough to be taken for alive, unless the manner says otherwise (`deaf`).
#
# A manner that goes `via` the reference server passes everything on to one of its own (HOSTILE_ASSAY is the program)
# and changes what comes back, also beneath TLS and DTLS where ASSAY_TLS_PORT and ASSAY_DTLS_PORT are said. Another
# manner has these transports by HOSTILE_FRONT, a program that ends TLS and DTLS and passes on what is in them.
#
# What is answered is a list of octets, each a datagram or a piece of a stream, and of deeds:
#   ['drip', octets]     one at a time       ['endless', octets]  again and again, as fast as they are read
#   ['close']            ['reset']           ['shut'] this direction alone
#   ['later', octets]    when somebody asks something the next time (via UDP and TCP alone)
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

my ($manner) = @ARGV;
$SIG{PIPE} = 'IGNORE';

use constant { SUCCESS => 0x100, ERROR => 0x110, COOKIE => 0x2112a442 };
use constant { ERROR_CODE => 0x0009, REALM => 0x0014, NONCE => 0x0015, SOFTWARE => 0x8022, NAME => 0x802e };
my $nonce = 'f//499k954d6OL34oL9FSTvy64sA';

sub attribute {
	my ($type, $value) = @_;
	return pack('nn', $type, length $value) . $value . "\0" x (-length($value) % 4);
}

# A message of the class for a request, with the attributes.
sub message {
	my ($request, $class, $body) = @_;
	return pack('nn', unpack('n', $request) | $class, length $body) . substr($request, 4, 16) . $body;
}

sub failure {
	my ($request, $code, $reason, @attributes) = @_;
	my $body = pack('nCC', 0, int($code / 100), $code % 100) . $reason;
	return message($request, ERROR, join '', attribute(ERROR_CODE, $body), @attributes);
}

sub challenge {
	my ($request, %with) = @_;
	return failure($request, 401, $with{reason} // 'Unauthorized', attribute(REALM, $with{realm} // 'realm'),
		attribute(NONCE, $with{nonce} // $nonce), attribute(SOFTWARE, $with{software} // 'software'),
		attribute(NAME, $with{name} // 'name'));
}

# An address attribute's value, XORed as it has to be.
sub xored {
	my ($request, $family, $port, $address) = @_;
	my $mask = substr $request, 4, 16;
	return pack('CCn', 0, $family, $port ^ 0x2112) . ($address ^ substr $mask, 0, length $address);
}

sub overwrite { my ($octets, $at, $by) = @_; substr($octets, $at, length $by) = $by; return $octets }

# Success where it was refused, a refusal where it was granted; nothing of what is neither, or lies beneath TLS.
sub contrary {
	my ($octets, $kind) = @_;
	my $type = unpack 'n', $octets;
	return if $kind ne 'udp' && $kind ne 'tcp' || $type == 0x0101 || !($type & SUCCESS);
	my $request = overwrite($octets, 0, pack 'n', $type & ~ERROR);
	return ($type & ERROR) == ERROR ? message($request, SUCCESS, '') : failure($request, 403, 'Forbidden');
}

sub is_bare { my ($request) = @_; return index($request, pack 'n', REALM) < 0 }

# Counts on, and chooses by the count.
my %turns;
sub turn  { my ($name) = @_; return $turns{$name}++ }
sub by    { my ($name, @list) = @_; return $list[turn($name) % @list] }

my $noise = join '', map { chr int rand 256 } 1 .. 65600;
sub noise { my ($size) = @_; return substr $noise, int rand(65600 - $size), $size }

# A stranger: an answer to a request that was never sent.
sub stranger { my ($request) = @_; return challenge(overwrite($request, 8, pack 'NNN', turn('strangers'), 0, 0)) }

sub indication {
	return pack('nnN', 0x0017, 12, COOKIE) . pack('NNN', turn('indications'), 1, 2) . attribute(0x0013, 'unasked!');
}

my @texts = (
	"quote \" and ' colon: # hash # TODO not a directive # SKIP nor this {",
	"line\nnot ok 99 - forged\r\nBail out! forged\n1..0\n",
	"NUL \0 \0 end",
	"invalid \xff\xfe\xc3\x28 \xed\xa0\x80 UTF-8, and \xe2\x80\xae valid \xf0\x9f\x92\xa9",
	"\x1b[31mred\x1b]0;title\x07 \x9b31m \x08\x08\x7f",
	"  ---\n  yaml: yes\n  ...\n",
	'", "verdict": "pass"}' . "\n" . '{"type":"scenario","id":"forged","verdict":"pass"}' . "\n",
	"\xe2\x80\xa8 separators \xc2\x85 \xef\xbb\xbf marks \x0b\x0c",
	"\\ %s %n \$(reboot) `id` <b>&amp;</b> ]]>",
	'',
	' ',
	'x' x 700,
);

# The offset of each attribute in a message.
sub offsets {
	my ($octets) = @_;
	my @at;
	for (my $at = 20; $at + 4 <= length $octets;) {
		push @at, $at;
		$at += 4 + (unpack("x$at x2n", $octets) + 3 & ~3);
	}
	return @at;
}

my @known = (0x0001, 0x0006, 0x0008, ERROR_CODE, 0x000a, 0x000c, 0x000d, 0x0012, 0x0013, REALM, NONCE, 0x0016, 0x0017, 0x0018,
	0x0019, 0x001a, 0x001b, 0x001c, 0x001d, 0x001e, 0x0020, 0x0022, 0x0024, 0x0025, 0x8002, 0x8003, SOFTWARE, 0x8023, 0x8028, NAME);
my @sizes = (0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 19, 20, 21, 31, 32, 33, 255, 1000);
my $most = 65507 - 24; # of one attribute in a datagram

my %manners = (
	texts => { answer => sub {
		my $first = turn('texts');
		my ($reason, $realm, $software, $name) = map { $texts[($first + $_) % @texts] } 0 .. 3;
		return challenge($_[0], reason => $reason, realm => $realm, software => $software, name => $name,
			nonce => $first % 3 ? $nonce : $texts[$first / 3 % @texts]);
	} },

	# Malformed.
	garbage => { answer => sub { return noise(65507) } },
	'garbage-of-stun' => { answer => sub { return message($_[0], ERROR, noise(65484)) } },
	truncated => { answer => sub { my $whole = challenge($_[0]); return substr $whole, 0, turn('cut') % length $whole } },
	lengths => { answer => sub {
		my $whole = challenge($_[0]);
		my $right = length($whole) - 20;
		my $said = by('lengths', 0, 1, 2, 3, 4, $right - 4, $right - 1, $right + 1, $right + 4, 0x7fff, 0x8000, 0xfffc, 0xffff);
		return overwrite($whole, 2, pack 'n', $said);
	} },
	'attribute-lengths' => { answer => sub {
		my $whole = challenge($_[0]);
		my $at = by('attributes', offsets($whole));
		my $right = unpack "x$at x2n", $whole;
		return overwrite($whole, $at + 2, pack 'n', by('lengths', 0, 1, $right - 1, $right + 1, $right + 4, 0x7fff, 0x8000, 0xffff));
	} },
	cookie => { answer => sub { return overwrite(challenge($_[0]), 4, pack 'N', by('cookie', 0, COOKIE ^ 1, 0xffffffff)) } },
	'odd-types' => { answer => sub {
		my $type = unpack 'n', $_[0];
		return overwrite(challenge($_[0]), 0, pack 'n', by('types', $type, $type | 0x10, 0x0101, 0x0111, 0x3eef | 0x0110, 0xc113, 0x8113));
	} },
	nested => { answer => sub {
		my $inner = challenge($_[0]);
		$inner = challenge($_[0], reason => $inner, realm => $inner, name => $inner) for 1 .. 3;
		return $inner;
	} },
	'wrong-sizes' => { answer => sub {
		my ($request) = @_;
		my $turn = turn('sizes');
		my $size = $sizes[$turn % @sizes];
		my $odd = attribute($known[$turn / @sizes % @known], $turn & 1 ? noise($size) : "\0" x $size);
		return $turn & 2 ? message($request, SUCCESS, $odd) : overwrite(challenge($request) . $odd, 2,
			pack 'n', length(challenge($request) . $odd) - 20);
	} },

	# Well formed, and beyond measure.
	'big-attributes' => { answer => sub {
		my ($request, $stream) = @_;
		my $size = $stream ? 65528 : $most;
		my ($type, $byte) = (by('big', REALM, NONCE, SOFTWARE, NAME, ERROR_CODE, 0x000a, 0x7f00, 0xff00), by('octets', 'x', "\n", "\xff"));
		return message($request, ERROR, attribute($type, substr "\0\0\x04\x01" . $byte x $size, 0, $size));
	} },
	'big-sum' => { answer => sub { return challenge($_[0], realm => 'r' x 32740, nonce => 'n' x 32720, reason => '', software => '', name => 'name') } },
	'attribute-of-65535' => { answer => sub {
		return overwrite(message($_[0], ERROR, '') . pack('nn', by('big', REALM, NONCE, NAME), 65535) . 'x' x 65480, 2, pack 'n', 65484);
	} },
	'many-attributes' => { answer => sub { return message($_[0], ERROR, attribute(ERROR_CODE, pack 'nCC', 0, 4, 1) . attribute(0x7f00, '') x 12000) } },
	nonces => { answer => sub { return challenge($_[0], nonce => by('nonces', '', 'n', 'n' x 763, 'n' x 764, 'n' x 4000, "\0" x 128)) } },
	omissions => { answer => sub {
		my ($request) = @_;
		return failure($request, 401, '', by('omissions', attribute(REALM, 'realm'), attribute(NONCE, $nonce), '',
			attribute(REALM, '') . attribute(NONCE, $nonce)));
	} },
	'nowhere' => { answer => sub {
		my ($request) = @_;
		return challenge($request) if is_bare($request);
		my $v4 = sub { xored($request, 1, $_[0], pack 'C4', split /\./, $_[1]) };
		my $relayed = by('places', $v4->(0, '0.0.0.0'), $v4->(9, '255.255.255.255'), $v4->(9, '224.0.0.1'), $v4->(65535, '127.255.255.255'),
			xored($request, 2, 0, "\0" x 16), xored($request, 2, 1, "\xff\x02" . "\0" x 13 . "\1"), xored($request, 2, 1, "\xfe\x80" . "\0" x 13 . "\1"),
			xored($request, 3, 1, "\0" x 4), xored($request, 1, 1, "\0" x 16));
		return message($request, SUCCESS, attribute(0x0016, $relayed) . attribute(0x0020, $v4->(1, '127.0.0.1'))
			. attribute(0x000d, pack 'N', by('lifetimes', 0, 600, 0xffffffff)));
	} },

	# Many, and beside the matter.
	many => { answer => sub { return (challenge($_[0])) x 400 } },
	strangers => { answer => sub { my ($request) = @_; return map { stranger($request) } 1 .. 400 } },
	'many-strangers' => { answer => sub { my ($request) = @_; return ((map { stranger($request) } 1 .. 400), challenge($request)) } },
	indications => { answer => sub { return map { indication() } 1 .. 200 } },
	contradict => { answer => sub {
		my @both = (challenge($_[0]), message($_[0], SUCCESS, ''));
		return turn('order') & 1 ? @both : reverse @both;
	} },
	flood => { answer => sub { return challenge($_[0]) },
		tick => sub { my ($request) = @_; return map { $_ % 2 ? indication() : stranger($request) } 1 .. 10 } },
	'flood-of-noise' => { answer => sub { return (noise(40), challenge($_[0])) }, tick => sub { return map { noise(1 + int rand 1400) } 1 .. 10 } },

	# Words that lead nowhere.
	success => { answer => sub { return message($_[0], SUCCESS, '') } },
	'all-codes' => { answer => sub {
		my $code = by('codes', 0, 799, 300, 400, 401, 403, 420, 437, 438, 441, 486, 500, 508, 699);
		return failure($_[0], $code, 'reason', attribute(REALM, 'realm'), attribute(NONCE, 'nonce ' . turn('nonces')), attribute(NAME, 'name'));
	} },
	'stale-forever' => { answer => sub {
		my ($request) = @_;
		return challenge($request) if is_bare($request);
		return failure($request, 438, 'Stale Nonce', attribute(REALM, 'realm'), attribute(NONCE, 'nonce ' . turn('nonces')));
	} },
	'in-circles' => { answer => sub {
		my $here = pack('CCn', 0, 1, $ENV{ASSAY_PORT}) . pack 'C4', split /\./, $ENV{ASSAY_ADDRESS};
		return failure($_[0], 300, 'Try Alternate', attribute(0x8023, $here));
	} },
	silence => { answer => sub { return () } },
	echo => { answer => sub { return $_[0] } },

	# Streams. Over UDP these answer as others do.
	drip => { answer => sub { return ['drip', challenge($_[0])] } },
	half => { answer => sub { return substr challenge($_[0]), 0, 30 } },
	'never-whole' => { answer => sub { return (pack('nnN', 0x0113, 65532, COOKIE), ['drip', 'x' x 60000]) } },
	'endless-messages' => { answer => sub { return ['endless', join '', map { indication() } 1 .. 1000] } },
	'endless-channels' => { answer => sub { return ['endless', (pack('nn', 0x4000, 1000) . 'x' x 1000) x 20] } },
	'endless-noise' => { answer => sub { return ['endless', $noise] } },
	'no-stun' => { answer => sub { return "HTTP/1.1 400 Bad Request\r\n\r\n" } },
	'too-early' => { hello => sub { return (pack('nnNNNN', 0x0113, 0, COOKIE, 1, 2, 3)) x 3 }, answer => sub { return challenge($_[0]) } },
	'shut-behind' => { answer => sub { return (challenge($_[0]), ['shut']) } },
	'shut-before' => { answer => sub { return ['shut'] } },
	'close-in-answer' => { answer => sub { return (substr(challenge($_[0]), 0, 30), ['close']) } },
	'reset-in-answer' => { answer => sub { return (substr(challenge($_[0]), 0, 30), ['reset']) } },
	'close-on-request' => { answer => sub { return ['close'] } },
	'reset-on-request' => { answer => sub { return ['reset'] } },

	# So that not even Binding is answered.
	'deaf-garbage' => { deaf => 1, answer => sub { return noise(2000) } },
	'deaf-endless' => { deaf => 1, answer => sub { return ['endless', $noise] } },
	'deaf-half' => { deaf => 1, answer => sub { return substr message($_[0], SUCCESS, attribute(SOFTWARE, 'x' x 100)), 0, 60 } },
	'deaf-reset' => { deaf => 1, hello => sub { return ['reset'] }, answer => sub { return () } },
	'deaf-flood' => { deaf => 1, answer => sub { return indication() }, tick => sub { return map { noise(1 + int rand 1400) } 1 .. 10 } },

	# Beside a conforming server.
	honest => { via => sub { return $_[0] } },
	'three-hundred' => { via => sub { my ($octets, $kind) = @_; return $kind =~ /^(?:udp|tcp)$/ ? ($octets) x 300 : $octets } },
	octets => { via => sub { my ($octets, $kind) = @_; return $kind =~ /dp|dtls/ ? $octets : ['drip', $octets] } },
	'and-strangers' => { via => sub { my ($octets, $kind) = @_; return $kind =~ /^(?:udp|tcp)$/ ? (stranger($octets), $octets, stranger($octets)) : $octets } },
	'and-the-contrary' => { via => sub { my ($octets, $kind) = @_; return ($octets, contrary($octets, $kind)) } },
	'and-the-contrary-later' => { via => sub { my ($octets, $kind) = @_; return ($octets, map { ['later', $_] } contrary($octets, $kind)) } },

	# Beneath TLS and DTLS, in the midst of good sessions.
	'datagrams-beside' => { via => sub {
		my ($octets, $kind) = @_;
		return $octets if $kind ne 'dtls' || ord $octets != 23;
		my $flipped = overwrite($octets, length($octets) - 1, chr(255 ^ ord substr $octets, -1));
		return (noise(100), substr($octets, 0, length($octets) / 2), "\x17\xfe\xfd" . "\0" x 8 . "\xff\xff", $flipped, $octets, $octets, $octets);
	} },
	'records-flipped' => { via => sub {
		my ($octets, $kind) = @_;
		return $octets if $kind !~ /tls/ || $octets !~ /^\x17/ || turn("records of $kind") % 5 != 4;
		return overwrite($octets, length($octets) - 1, chr(255 ^ ord substr $octets, -1));
	} },
	'records-between' => { via => sub {
		my ($octets, $kind) = @_;
		return $octets if $kind ne 'tls' || turn('records') % 5 != 4;
		return (by('records', "\x15\x03\x03\0\2\2\x28", "\x17\x03\x03\xff\xff", "\x17\x03\x03\0\1x", "\x16\x03\x03\0\4\0\0\0\0", noise(500)), $octets);
	} },
	'records-cut' => { via => sub {
		my ($octets, $kind) = @_;
		return $octets if $kind ne 'tls' || turn('records') % 5 != 4;
		return (substr($octets, 0, turn('cut') * 7 % length $octets), by('ends', ['close'], ['reset'], ['shut']));
	} },

	# Beneath TLS and DTLS, before there is a session.
	'no-tls' => { beneath => sub { return "HTTP/1.1 400 Bad Request\r\n\r\n" } },
	'noise-for-tls' => { beneath => sub { return noise(5000) } },
	'alerts-for-tls' => { beneath => sub { return ("\x15\x03\x03\0\2\1\x5a") x 500 } },
	'endless-handshake' => { beneath => sub {
		return $_[1] eq 'dtls' ? map { "\x16\xfe\xfd\0\0" . pack('Nn', 0, 0) . pack('nCCnnCnCn', 0, 0, 0, 0, 0, 0, 0, 0, 0) } 1 .. 50
			: ("\x16\x03\x03\x40\0\x0b\xff\xff\xff" . 'x' x 16380, ['endless', "\x16\x03\x03\x40\0" . 'x' x 16384]);
	} },
	'endless-cookies' => { beneath => sub {
		return $_[1] eq 'dtls' ? "\x16\xfe\xff\0\0" . pack('nNn', 0, turn('cookies'), 35) . "\3" . pack('Cn', 0, 23) . pack('n', 0) . pack('CnCn', 0, 0, 0, 23)
			. "\xfe\xff\x14" . noise(20) : ['reset'];
	} },
	'silence-for-tls' => { beneath => sub { return () } },
	'reset-for-tls' => { beneath => sub { return ['reset'] } },
	'drip-for-tls' => { beneath => sub { return ['drip', "\x16\x03\x03\x40\0" . 'x' x 60000] } },
);
if ($manner eq '--list') {
	print "$_\n" for sort keys %manners;
	exit;
}
my $chosen = $manners{$manner} or die "no manner '$manner'";

# Where to listen: kind => port. Where upstream is: kind => port.
my %at = (udp => $ENV{ASSAY_PORT}, tcp => $ENV{ASSAY_PORT});
my %upstream;
if ($chosen->{via} || $chosen->{beneath}) {
	$at{tls} = $ENV{ASSAY_TLS_PORT} if $ENV{ASSAY_TLS_PORT};
	$at{dtls} = $ENV{ASSAY_DTLS_PORT} if $ENV{ASSAY_DTLS_PORT};
}

my @kept; # so that what they print later meets an open pipe

# Starts a program with other ports in its environment; what it prints last tells where it serves.
sub beside {
	my ($program, %environment) = @_;
	my $pid = open my $output, '-|';
	die "fork: $!" if !defined $pid;
	if (!$pid) {
		@ENV{ keys %environment } = values %environment;
		exec $program, 'serve' or die "$program: $!";
	}
	my $line = <$output> // die "$program did not start";
	push @kept, $output;
	return $line;
}

if ($chosen->{via}) {
	my $line = beside($ENV{HOSTILE_ASSAY}, ASSAY_PORT => 0, $at{tls} ? (ASSAY_TLS_PORT => 0) : (), $at{dtls} ? (ASSAY_DTLS_PORT => 0) : ());
	($upstream{udp}) = $line =~ /udp and tcp on \S+:(\d+)/ or die $line;
	$upstream{tcp} = $upstream{udp};
	($upstream{$_}) = $line =~ /\b$_ on \S+:(\d+)/ for grep { $at{$_} } qw(tls dtls);
} elsif ($ENV{HOSTILE_FRONT} && !$chosen->{beneath} && ($ENV{ASSAY_TLS_PORT} || $ENV{ASSAY_DTLS_PORT})) {
	beside($ENV{HOSTILE_FRONT});
}
print "up\x1b[2J\x00\xff\nnot ok 1 - in its log\n";

my $reads = IO::Select->new;
my $writes = IO::Select->new;
my (%listener, %datagrams, %stream, %peers); # by file number; peers: who asked lately over UDP
for my $kind (sort keys %at) {
	my %where = (LocalAddr => $ENV{ASSAY_ADDRESS}, LocalPort => $at{$kind});
	if ($kind =~ /^(?:udp|dtls)$/) {
		my $socket = IO::Socket::INET->new(%where, Proto => 'udp') or die "$kind: $!";
		setsockopt $socket, SOL_SOCKET, Socket::SO_SNDBUF(), 1 << 20;
		$datagrams{ fileno $socket } = { socket => $socket, kind => $kind };
		$reads->add($socket);
	} else {
		my $socket = IO::Socket::INET->new(%where, Proto => 'tcp', Listen => 64, ReuseAddr => 1) or die "$kind: $!";
		$listener{ fileno $socket } = { socket => $socket, kind => $kind };
		$reads->add($socket);
	}
}

# The answer to a whole message.
sub answer_to {
	my ($request, $is_stream) = @_;
	return message($request, SUCCESS, attribute(0x0020, xored($request, 1, 1, "\x7f\0\0\1"))) if unpack('n', $request) == 1 && !$chosen->{deaf};
	return $chosen->{answer} ? $chosen->{answer}->($request, $is_stream) : challenge($request);
}

sub open_stream {
	my ($socket, $kind, %more) = @_;
	$socket->blocking(0);
	setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
	$reads->add($socket);
	return $stream{ fileno $socket } = { socket => $socket, kind => $kind, in => '', out => [], %more };
}

sub end_stream {
	my ($one, $reset) = @_;
	return if !$one->{socket};
	setsockopt $one->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $reset;
	delete $stream{ fileno $one->{socket} };
	$reads->remove($one->{socket});
	$writes->remove($one->{socket});
	close $one->{socket};
	$one->{socket} = undef;
	my $other = delete $one->{other};
	end_stream($other) if $other;
}

my @later; # what was held back: a deed each

sub hold_back {
	my ($deed, @items) = @_;
	for my $item (@items) {
		my $octets = ref $item && $item->[0] eq 'later' ? $item->[1] : next;
		push @later, sub { $deed->($octets) };
	}
	return grep { !ref $_ || $_->[0] ne 'later' } @items;
}

sub let_go { $_->() for splice @later; return }

sub push_out {
	my ($one, @items) = @_;
	return if !$one->{socket};
	push @{ $one->{out} }, @items;
	$writes->add($one->{socket}) if @{ $one->{out} };
}

# One piece of what waits for a stream.
sub write_out {
	my ($one) = @_;
	my $out = $one->{out};
	if (!@$out) {
		$writes->remove($one->{socket});
		return;
	}
	my $item = $out->[0];
	if (!ref $item) {
		my $count = length $item ? syswrite $one->{socket}, $item : 0;
		return if !defined $count && $!{EAGAIN};
		return end_stream($one) if !defined $count;
		$count == length $item ? shift @$out : ($out->[0] = substr $item, $count);
	} elsif ($item->[0] eq 'drip') {
		my $count = length $item->[1] ? syswrite $one->{socket}, substr $item->[1], 0, 1 : 0;
		return if !defined $count && $!{EAGAIN};
		return end_stream($one) if !defined $count;
		substr($item->[1], 0, $count) = '';
		shift @$out if $item->[1] eq '';
	} elsif ($item->[0] eq 'endless') {
		push @$out, $item if @$out < 3;
		splice @$out, 0, 1, $item->[1];
	} else {
		shift @$out;
		end_stream($one, $item->[0] eq 'reset') if $item->[0] ne 'shut';
		shutdown $one->{socket}, 1 if $item->[0] eq 'shut';
	}
}

sub as_datagrams { return grep { defined } map { ref $_ ? $_->[1] && substr $_->[1], 0, 65507 : substr $_, 0, 65507 } @_ }

sub came_by_datagram {
	my ($one) = @_;
	my $from = $one->{socket}->recv(my $octets, 65535) // return;
	if ($one->{back}) { # from upstream
		my ($socket, $peer) = @{ $one->{back} };
		my @items = hold_back(sub { send $socket, $_[0], 0, $peer }, $chosen->{via}->($octets, $one->{kind}));
		send $socket, $_, 0, $peer for as_datagrams(@items);
	} elsif ($upstream{ $one->{kind} }) {
		my $way = $peers{"$one->{kind} $from"};
		if (!$way) {
			my $socket = IO::Socket::INET->new(PeerAddr => $ENV{ASSAY_ADDRESS}, PeerPort => $upstream{ $one->{kind} }, Proto => 'udp') or return;
			$way = $peers{"$one->{kind} $from"} = { socket => $socket, kind => $one->{kind}, back => [$one->{socket}, $from] };
			$datagrams{ fileno $socket } = $way;
			$reads->add($socket);
		}
		let_go();
		send $way->{socket}, $octets, 0;
	} elsif ($chosen->{beneath} && $one->{kind} eq 'dtls') {
		send $one->{socket}, $_, 0, $from for as_datagrams($chosen->{beneath}->($octets, $one->{kind}));
	} elsif (length $octets >= 20) {
		$peers{$from} = [$one->{socket}, $from, $octets, time];
		send $one->{socket}, $_, 0, $from for as_datagrams(answer_to($octets));
	}
}

# Cuts whole messages off what came by a stream; ChannelData too, which streams pad.
sub messages_of {
	my ($one) = @_;
	my @messages;
	while (length $one->{in} >= 20) {
		my $size = unpack('x2n', $one->{in});
		my $is_channel = unpack('C', $one->{in}) >> 6 == 1;
		$size = $is_channel ? 4 + ($size + 3 & ~3) : 20 + $size;
		last if length $one->{in} < $size;
		my $message = substr $one->{in}, 0, $size, '';
		push @messages, $message;
	}
	return @messages;
}

sub came_by_stream {
	my ($one) = @_;
	my $count = sysread $one->{socket}, $one->{in}, 65536, length $one->{in};
	return if !defined $count && $!{EAGAIN};
	return end_stream($one) if !$count;
	if ($one->{is_upstream}) {
		my @pieces = $one->{kind} eq 'tcp' ? messages_of($one) : $one->{in};
		$one->{in} = '' if $one->{kind} ne 'tcp';
		push_out($one->{other}, hold_back(sub { push_out($one->{other}, @_) }, map { $chosen->{via}->($_, $one->{kind}) } @pieces));
	} elsif ($one->{other}) {
		let_go();
		push_out($one->{other}, $one->{in});
		$one->{in} = '';
	} elsif ($chosen->{beneath} && $one->{kind} eq 'tls') {
		$one->{in} = '';
		push_out($one, $chosen->{beneath}->('', $one->{kind}));
	} else {
		for my $request (messages_of($one)) {
			$one->{asked} = $request;
			push_out($one, answer_to($request, 1));
		}
	}
}

sub accept_from {
	my ($listener) = @_;
	my $socket = $listener->{socket}->accept or return;
	my $kind = $listener->{kind};
	if ($upstream{$kind}) {
		my $up = IO::Socket::INET->new(PeerAddr => $ENV{ASSAY_ADDRESS}, PeerPort => $upstream{$kind}, Proto => 'tcp') or return;
		my $far = open_stream($up, $kind, is_upstream => 1);
		$far->{other} = open_stream($socket, $kind, other => $far);
		return;
	}
	my $one = open_stream($socket, $kind);
	push_out($one, $chosen->{hello}->()) if $chosen->{hello};
}

# What is sent without being asked for.
sub flood {
	my @lately = grep { time - $_->[3] < 1 } values %peers;
	%peers = map { $_->[1] => $_ } @lately;
	for my $peer (@lately) {
		send $peer->[0], $_, 0, $peer->[1] for $chosen->{tick}->($peer->[2]);
	}
	for my $one (values %stream) {
		push_out($one, $chosen->{tick}->($one->{asked})) if $one->{asked} && @{ $one->{out} } < 1000;
	}
}

my $due = 0;
while (1) {
	my ($readable, $writable) = IO::Select->select($reads, $writes, undef, $chosen->{tick} ? 0.01 : undef);
	for my $socket (@{ $writable // [] }) {
		my $one = defined fileno $socket && $stream{ fileno $socket } or next;
		write_out($one);
	}
	for my $socket (@{ $readable // [] }) {
		my $number = fileno $socket;
		next if !defined $number;
		if (my $listening = $listener{$number}) {
			accept_from($listening);
		} elsif (my $one = $stream{$number}) {
			came_by_stream($one);
		} elsif (my $way = $datagrams{$number}) {
			came_by_datagram($way);
		}
	}
	if ($chosen->{tick} && time >= $due) {
		flood();
		$due = time + 0.01;
	}
}
