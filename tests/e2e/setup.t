#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# scripts/setup.sh, on machines that are made up: a PATH with stand-ins for the programs that it asks and calls.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my @build = qw(
	gcc libc6-dev make pkg-config liblua5.4-dev libssl-dev libpcap-dev libevent-dev libjansson-dev zlib1g-dev);
my @targets = qw(coturn sqlite3);
my @tests = qw(
	libcmocka-dev perl tshark tcpdump iptables iproute2 python3-aioice lua5.4 lua-check faketime clang-format shellcheck clang libclang-rt-dev procps
	time parallel slurm-client slurmctld slurmd munge kamailio erlang-base erlang-p1-stun
	golang-go golang-github-pion-turn.v2-dev golang-github-pion-dtls.v2-dev);
my @peers = qw(nodejs npm); # only where asked for
my @all = (@build, @targets, @tests);

# A machine: what is installed (undef: no dpkg), whether it has apt-get and sudo, and who calls.
sub machine {
	my (%made) = @_;
	my $folder = tmp();
	my $program = sub {
		my ($name, $script) = @_;
		spill("$folder/$name", "#!/bin/sh\n$script");
		chmod 0755, "$folder/$name";
	};
	for my $name (qw(sh env)) {
		my ($path) = grep { -x } map { "$_/$name" } qw(/bin /usr/bin);
		symlink $path, "$folder/$name";
	}
	$program->(id => 'echo ' . ($made{user} // 0) . "\n");
	if ($made{installed}) {
		my %installed = map { $_ => 1 } @{$made{installed}};
		my $cases = join '', map { "$_) printf 'installed/$_ ' ;;\n" } sort keys %installed;
		$program->('dpkg-query' => "shift 3\nfor name; do case \$name in\n${cases}"
			. "*) echo \"no \$name\" >&2; status=1 ;;\nesac; done\nexit \${status:-0}\n");
	}
	my $apt = $made{apt} // '';
	$program->('apt-get' => "echo \"apt-get \$* [\$DEBIAN_FRONTEND]\" >>$folder/called\n$apt\n")
		unless $apt eq 'none';
	$program->(sudo => "echo \"sudo \$1\" >>$folder/called\nexec \"\$@\"\n") if $made{sudo};
	return $folder;
}

sub setup {
	my ($machine, @groups) = @_;
	my @result = run({env => {PATH => $machine}}, root() . '/scripts/setup.sh', @groups);
	return (@result, -e "$machine/called" ? slurp("$machine/called") : '');
}

subtest 'nothing is missing' => sub {
	my ($status, $out, $err, $called) = setup(machine(installed => \@all));
	is $status, 0, 'succeeds';
	is $out, "setup.sh: nothing to install\n", 'says so';
	is $err, '', 'and nothing else';
	is $called, '', 'no apt-get was run';
};

subtest 'no apt-get' => sub {
	my ($status, $out, $err) = setup(machine(apt => 'none'));
	is $status, 1, 'fails';
	like $err, qr/^  \Q$_\E +\w/m, "names $_ and its purpose" for @all;
	like $err, qr/SETUP=no/, 'says how to go on';

	($status, $out, $err) = setup(machine(apt => 'none', installed => [grep { $_ ne 'libssl-dev' } @all]));
	is $status, 1, 'fails when one thing is missing';
	is_deeply [$err =~ /^  (\S+)/mg], ['libssl-dev'], 'and names that alone';

	($status, $out) = setup(machine(apt => 'none', installed => \@all));
	is $status, 0, 'is not missed where nothing is';
};

subtest 'something is missing' => sub {
	my ($status, $out, $err, $called) = setup(machine(installed => [grep { !/^(perl|libpcap-dev)$/ } @all]));
	is $status, 0, 'succeeds';
	my @called = split /\n/, $called;
	is @called, 2, 'two commands';
	like $called[0], qr/ update \[noninteractive\]$/, 'first the lists';
	like $called[1], qr/ install -y --no-install-recommends libpcap-dev perl \[noninteractive\]$/,
		'then what is missing alone';
	my @printed = map { 'env DEBIAN_FRONTEND=noninteractive ' . s/ \[.*//r } @called;
	is_deeply [$out =~ /^\+ (.*)$/mg], \@printed, 'each was printed as it was run';
};

subtest 'who may install' => sub {
	my @installed = grep { $_ ne 'make' } @all;
	my ($status, $out, $err, $called) = setup(machine(installed => \@installed, user => 1000, sudo => 1));
	is $status, 0, 'a user with sudo';
	is scalar(() = $called =~ /^sudo env$/mg), 2, 'goes through it for both commands';
	like $out, qr/^\+ sudo env .* install .* make$/m, 'and it is printed';

	($status, $out, $err, $called) = setup(machine(installed => \@installed, user => 1000));
	is $status, 1, 'a user without sudo';
	like $err, qr/apt-get install --no-install-recommends make$/m, 'is told what root has to run';
	is $called, '', 'and nothing is run';
};

subtest 'groups' => sub {
	my ($status, $out, $err) = setup(machine(apt => 'none'), 'build');
	is_deeply [$err =~ /^  (\S+)/mg], \@build, 'build';
	($status, $out, $err) = setup(machine(apt => 'none'), 'targets', 'tests');
	is_deeply [$err =~ /^  (\S+)/mg], [@targets, @tests], 'two of them';
	($status, $out, $err) = setup(machine(apt => 'none'), 'peers');
	is_deeply [$err =~ /^  (\S+)/mg], \@peers, 'those that are installed only where they are asked for';
	($status, $out, $err) = setup(machine(installed => \@build), 'build');
	is $status, 0, 'what another group lacks does not matter';
	($status, $out, $err) = setup(machine(installed => \@all), 'everything');
	is $status, 2, 'one that is not known';
	like $err, qr/'everything'.*build, targets, tests, peers/, 'is told with those that are';
};

subtest 'apt-get fails' => sub {
	my $missing = [grep { $_ ne 'make' } @all];
	my ($status, $out, $err, $called) = setup(machine(installed => $missing, apt => 'exit 100'));
	isnt $status, 0, 'setup fails';
	my $no_update = machine(installed => $missing, apt => 'case $* in *update*) exit 100; esac');
	($status, $out, $err, $called) = setup($no_update);
	is $status, 0, 'an update that fails alone is borne';
	like $err, qr/update failed/, 'and said';
};

subtest 'this machine' => sub {
	my ($status, $out, $err) = run('scripts/setup.sh', 'build');
	is $status, 0, 'has what the build needs, since it was built';
	is $out, "setup.sh: nothing to install\n";
} if -x assay() && -x '/usr/bin/dpkg-query';

done_testing;
