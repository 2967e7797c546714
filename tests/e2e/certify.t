#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The main job: the reference is certified over all transports, and coturn 4.6.1 of Debian 12 is found to deviate where it
# was measured to, over each transport, each time with evidence, and nowhere else.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use IO::Socket::IP;
use Socket qw(SOCK_STREAM);
use Test::More;

sub certify {
	my (@arguments) = @_;
	my $out = tmp();
	my ($status, $tap, $errors) = run({ timeout => 200 }, assay(), 'run', '--format', 'tap', '--out', $out, @arguments);
	my @lines = json_lines("$out/results.ndjson");
	return {
		status => $status, tap => $tap, errors => $errors, out => $out, run => $lines[0], summary => $lines[-1],
		results => { map { $_->{id} => $_ } grep { $_->{type} eq 'scenario' } @lines },
	};
}

my $reference = certify();
is $reference->{status}, 0, 'the reference is certified' or diag $reference->{tap};
is $reference->{summary}{$_}, 0, "no scenario of it is $_" for qw(fail warn inconclusive);
# Where the whole machine is busy on loopback libpcap may drop packets; then there is nothing to compare.
my @differences = grep { !/^libpcap dropped/ } @{ $reference->{summary}{differences} };
# A stray packet of another program may be among them; what is wrong with the comparison itself shows in hundreds.
cmp_ok scalar @differences, '<', 3, 'the capture agrees with what the sockets sent and received'
	or diag join "\n", @differences;
like $reference->{run}{capture}, qr/^libpcap on lo|^own sockets/, 'the report says what captured it';
# What a run is asked over: IPv4 bare and encrypted, IPv6 where this machine has it.
my $ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1, Type => SOCK_STREAM);
my @suffixes = ('', qw(@tcp @tls @dtls), $ipv6 ? qw(@udp6 @tcp6) : ());

# The scenarios of a run that fell over some transports and passed over others. coturn forgets an allocation some time
# after its deletion; whether a Refresh comes before that is chance, where a machine is busy.
sub uneven {
	my ($run) = @_;
	my %verdicts;
	for my $id (keys %{ $run->{results} }) {
		my $verdict = $run->{results}{$id}{verdict};
		$verdicts{ $id =~ s/\@\w+$//r }{$verdict} = 1 if $verdict ne 'skip';
	}
	delete $verdicts{'server/allocation/refresh-and-delete'};
	return grep { keys %{ $verdicts{$_} } > 1 } sort keys %verdicts;
}

for my $suffix (@suffixes) {
	is $reference->{results}{"server/token-lifetime/current-token$suffix"}{verdict}, 'pass',
		'a token is taken' . ($suffix || ' over the first transport');
}
is $reference->{results}{"server/secure-transport/token-exchange$_"}{verdict}, 'pass', "the whole exchange succeeds$_"
	for qw(@tls @dtls);
cmp_ok $reference->{summary}{seconds}, '<', 180, 'it takes less than 3 minutes';
cmp_ok $reference->{summary}{usage}{peak_kib}, '<', 128 * 1024, 'and less than 128 MiB';
my %endpoints; # of ours: address and port, over whatever protocol
for my $result (values %{ $reference->{results} }) {
	next if $result->{id} =~ m{^invariants/}; # what they show stands with its scenario too
	$endpoints{ $_->{from} }{ $result->{id} } = 1 for grep { $_->{direction} eq 'sent' } @{ $result->{exchange} };
}
my @shared = grep { keys %{ $endpoints{$_} } > 1 } sort keys %endpoints;
is_deeply \@shared, [], 'no client port serves two scenarios, over whatever transport';

ok -s "$reference->{out}/$_", "there is $_" for qw(results.ndjson results.tap capture.pcapng target.log);

my $plain = certify('--no-third-party');
is $plain->{status}, 0, 'the reference without tokens is certified';
cmp_ok $plain->{summary}{pass}, '>', 0, 'by what it was seen to do';

my ($absent, $version) = run('turnserver', '--version');
SKIP: {
	skip 'coturn 4.6.1 is not installed', 1 if !defined $version || "$absent$version" !~ /4\.6\.1/;
	my $coturn = certify('--target', 'scripts/targets/coturn.lua');
	is $coturn->{status}, 1, 'coturn is not certified' or diag $coturn->{errors};
	is $coturn->{run}{integrity_key}, 'first16', 'its form of the integrity key is found';
	my $worst = worst_of($coturn->{results});
	my %expected = (
		'7635-5-05' => 'fail',       # 16 octets of mac_key
		'7635-7-05' => 'fail',       # dies of a key_length beyond the block
		'7635-7-11' => 'fail',       # far future
		'7635-7-13' => 'fail',       # lifetime 0
		'7635-7-17' => 'fail',       # unsigned 437
		'7635-9-04' => 'fail',       # cached session key
		'7635-9-06' => 'fail',       # LIFETIME of a Refresh
		'5389-15.4-03' => 'fail',    # token behind MESSAGE-INTEGRITY
		'7635-6.2-11' => 'warn',     # 160 bits only
		'7635-9-05' => 'warn',       # 105 s for 100
		'7635-9-07' => 'warn',       # the ceiling of the Allocate on Refresh
		'5766-4-02' => 'fail',       # 400 for CreatePermission and ChannelBind of a user without an allocation
		'5766-6.2-02' => 'fail',     # 400 for an unknown protocol
		'5766-7.2-01' => 'fail',     # a Refresh right after the deletion succeeds
		'5766-4-01' => 'warn',       # 401 for 441
		'7635-B-06' => 'warn',       # 160 bits only
		'5116-5.2-01' => 'warn',     # nonces of any length
		'5389-7.3.1.1-01' => 'warn', # NULs in reason phrases
		'5389-15.4-02' => 'warn',    # 420 for an attribute behind the integrity
	);
	my %found = map { $_ => $worst->{$_} } grep { $worst->{$_} ne 'pass' } keys %$worst;
	is_deeply \%found, \%expected, 'its deviations are the measured ones' or diag explain \%found;
	# What libpcap dropped, or handed over too late on a busy machine, has no frame.
	my $unseen = grep { /^libpcap dropped|not seen by libpcap/ } @{ $coturn->{summary}{differences} };
	for my $result (grep { $_->{verdict} eq 'fail' } values %{ $coturn->{results} }) {
		ok @{ $result->{exchange} } > 0, "$result->{id}: the exchange is there";
		# Which record carried which message libpcap cannot tell, so none is named for what was encrypted.
		ok !(grep { !$_->{frame} == ($_->{transport} !~ /^(?:tls|dtls)$/) && $_->{direction} ne 'icmp' }
				@{ $result->{exchange} }), "$result->{id}: with frame numbers, where it was not encrypted"
			if $coturn->{run}{capture} =~ /^libpcap/ && !$unseen;
		# A rule for all messages is shown again by the scenario whose messages broke it.
		my $what = $result->{id} =~ m{^invariants/} ? qr{server/\S+} : qr/\Q$result->{id}\E/;
		like $result->{rerun}, qr/^assay run .*$what/, "$result->{id}: and the command that runs it again";
	}
	is_deeply [uneven($coturn)], [], 'over each transport the same';
	for my $suffix (@suffixes) {
		is $coturn->{results}{"server/signed-responses/signed-errors$suffix"}{verdict}, 'fail',
			'its unsigned 437 is found' . ($suffix || ' over the first transport');
	}
	my $death = $coturn->{results}{'server/refused-token/key-length-beyond-the-block'};
	like $death->{reason}, qr/SIG(ABRT|SEGV|BUS).*after .*Allocate/, 'its death is blamed on the message that went before';
	my $shown = join '', map { $_->{text} // () } @{ $death->{exchange} };
	like $shown, qr/does not open under north \(A256GCM\): (?:key_length says|behind a mac_key of) \d+ octets/,
		'and what is wrong inside its token is told';

	my $secure = certify('--target', 'scripts/targets/coturn-secure.lua', 'server/binding');
	is $secure->{results}{'server/binding/with-a-token'}{verdict}, 'pass', 'coturn with --secure-stun serves Binding with a token';

	my $without = certify('--target', 'scripts/targets/coturn-plain.lua');
	is $without->{status}, 0, 'coturn without --oauth is failed by nothing';
	is_deeply { map { $_ => worst_of($without->{results})->{$_} } '7635-7-19', '5389-7.3.1-01' },
		{ '7635-7-19' => 'warn', '5389-7.3.1-01' => 'pass' }, 'it ignores ACCESS-TOKEN, and says 420 to what nobody knows';
}

done_testing;
