#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The clock of a target that assay did not launch: its offset is found, up to 2 s change no verdict, more make the rows
# about time inconclusive and never a fail, and the profile's clock_offset sets them right.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $key = encode_base64(join('', map { chr } 1 .. 32), '');

# A reference server whose clock is `offset` seconds ahead, judged as a server that is just there.
sub judge {
	my ($offset, $profile, $more, @suites) = @_;
	my $port = free_port();
	my $server = start({ env => { ASSAY_KEYS => "north:A256GCM:$key", $offset ? other_clock($offset) : () } },
		assay(), 'serve', '--port', $port, '--server-name', 'turn.example.org', @{ $more || [] });
	$server->wait_for(qr/udp and tcp on/, 10) or die $server->err;
	my $file = spill(tmp() . '/profile.lua', "return { address = '127.0.0.1', ports = { udp = $port }, "
		. "keys = { { kid = 'north', algorithm = 'A256GCM', key = '$key' } }, $profile }\n");
	my ($status, $output, $errors) = run(assay(), 'run', '--format', 'json', '--target', $file,
		@suites ? @suites : 'server/token-lifetime');
	$server->stop;
	my @lines = json_lines($output);
	my %verdict = map { $_->{id} =~ s{.*/}{}r => $_->{verdict} } grep { $_->{type} eq 'scenario' } @lines;
	delete $verdict{ $_ } for qw(header error-code fingerprint);
	return { status => $status, verdicts => \%verdict, notes => join("\n", @{ $lines[0]{notes} || [] }), errors => $errors };
}

plan skip_all => 'libfaketime is not installed' if !other_clock(0);

my $right = judge(0, '');
is $right->{status}, 0, 'a server on our clock passes' or diag explain $right;
my ($offset, $delta) = $right->{notes} =~ /clock is (-?[\d.]+) s ahead of ours and its Delta is ([\d.]+) s/;
ok defined $offset && abs($offset) < 1, 'its offset is found to be none' or diag $right->{notes};
ok defined $delta && abs($delta - 5) < 1, 'and its Delta to be 5 s';

my $near = judge(1, '');
is_deeply $near->{verdicts}, $right->{verdicts}, 'a clock that is 1 s ahead changes no verdict' or diag explain $near;

for my $away (30, -4000) {
	my $far = judge($away, '');
	is $far->{status}, 3, "a clock that is $away s ahead: no verdict" or diag explain $far;
	is scalar(grep { $_ eq 'fail' } values %{ $far->{verdicts} }), 0, "$away s: nothing fails";
	is $far->{verdicts}{'expired-token'}, 'inconclusive', "$away s: what is about time is inconclusive";
}

my $told = judge(30, 'clock_offset = 30');
is_deeply $told->{verdicts}, $right->{verdicts}, 'with clock_offset in the profile it is judged as on our clock' or diag explain $told;

my $one_sided = judge(0, '', ['--fault', 'accept-future']);
is $one_sided->{verdicts}{'far-future-token'}, 'fail', 'a server that takes any future timestamp is still judged';
like $one_sided->{notes}, qr/cannot be told apart/, 'and the report says that its clock and its Delta are one figure';

my $patient = judge(0, '', ['--delta', 30], 'server/token-lifetime', 'server/granted-lifetime');
is $patient->{status}, 0, 'a server with a Delta of 30 s, which nobody was told, is judged by the Delta that is measured'
	or diag explain $patient;
my @other = grep { $patient->{verdicts}{$_} !~ /^(pass|skip)$/ } sort keys %{ $patient->{verdicts} };
is join(' ', map { "$_ $patient->{verdicts}{$_}" } @other), 'delta warn', 'and only the Delta itself, which is not that of the text, is warned of';

done_testing;
