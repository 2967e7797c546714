# SPDX-License-Identifier: BSD-3-Clause
#
# What the end-to-end tests are written with: programs run with a limit of time, in groups of their own of which nothing
# is left behind; temporary folders; JSON lines. A test begins with
#
#   use strict; use warnings;
#   use FindBin; use lib $FindBin::Bin; use helper;
#   use Test::More;
#
# and stands in the root of the checkout then, wherever it was called from.
package helper;
use strict;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp ();
use JSON::PP ();
use POSIX qw(:sys_wait_h setpgid _exit);
use Time::HiRes qw(time sleep);

our @EXPORT = qw(root build assay run start tmp slurp spill json_lines free_port wait_until other_clock);

my $root = abs_path(dirname(__FILE__) . '/../..');
chdir $root or die "cannot enter $root: $!";
$ENV{LC_ALL} = 'C.UTF-8';
my %started; # pid of each leader that was not waited for yet

# The checkout; the folder of the build; the program under test, as absolute paths.
sub root  { return $root }
sub build { my $build = $ENV{ASSAY_BUILD} || 'build'; return $build =~ m{^/} ? $build : "$root/$build" }
sub assay { return build() . '/assay' }

# A fresh folder that goes at the end of the test.
my @folders;

sub tmp {
	push @folders, File::Temp->newdir('assay-e2e-XXXXXX', TMPDIR => 1);
	return $folders[-1]->dirname;
}

# The octets of a file; writing them.
sub slurp {
	my ($path) = @_;
	open my $file, '<:raw', $path or croak "cannot read $path: $!";
	local $/;
	my $content = <$file>;
	return $content // '';
}

sub spill {
	my ($path, $content) = @_;
	open my $file, '>:raw', $path or croak "cannot write $path: $!";
	print $file $content;
	close $file or croak "cannot write $path: $!";
	return $path;
}

# The values of a text of JSON lines, or of a file of them. Dies at a line that is no JSON.
sub json_lines {
	my ($text) = @_;
	$text = slurp($text) if $text !~ /\n/ && $text !~ /^\s*\{/ && -e $text;
	my $reader = JSON::PP->new->utf8;
	return map { $reader->decode($_) } grep { /\S/ } split /\n/, $text;
}

# my ($status, $stdout, $stderr) = run({options}, 'command', 'argument', ...);
#
# Runs a command to its end. $status is its exit status, 128 and the number where a signal ended it, or "timeout" when
# it was killed for taking too long. Options, all of them optional:
#   timeout => seconds (60)        input => text for stdin (nothing)
#   env => {NAME => value}         undef takes the name away
#   cwd => folder                  signal => [seconds, 'INT']: sent to it after that time
sub run {
	my $options = ref $_[0] ? shift : {};
	my $process = start($options, @_);
	my $end = time + ($options->{timeout} // 60);
	my $signal_at = $options->{signal} ? time + $options->{signal}[0] : undef;
	while ($process->alive) {
		if ($signal_at && time >= $signal_at) {
			kill $options->{signal}[1], $process->pid;
			undef $signal_at;
		}
		if (time >= $end) {
			$process->stop('KILL');
			return ('timeout', $process->out, $process->err);
		}
		sleep 0.005;
	}
	return ($process->stop, $process->out, $process->err);
}

# my $process = start({options}, 'command', ...); the same, left running. What there is to a process:
#   ->pid ->alive ->out ->err      what it wrote so far
#   ->wait_for(qr/text/, seconds)  true when its stdout or stderr holds it in time
#   ->stop('TERM')                 signals its group, kills what is left after 5 s; returns the status
sub start {
	my $options = ref $_[0] ? shift : {};
	my @command = @_ or croak 'no command';
	my $folder = tmp();
	my $input = defined $options->{input} ? spill("$folder/in", $options->{input}) : '/dev/null';
	spill("$folder/$_", '') for qw(out err); # there to be read before the child has got anywhere
	my $pid = fork // croak "cannot fork: $!";
	if (!$pid) {
		setpgid(0, 0);
		# A test run in the background of a script inherits that these are ignored, and would pass it on.
		@SIG{qw(INT QUIT)} = ('DEFAULT') x 2;
		open STDIN,  '<', $input        or _exit(126);
		open STDOUT, '>>', "$folder/out" or _exit(126);
		open STDERR, '>>', "$folder/err" or _exit(126);
		my $env = $options->{env} || {};
		defined $env->{$_} ? ($ENV{$_} = $env->{$_}) : delete $ENV{$_} for keys %$env;
		if ($options->{cwd} && !chdir $options->{cwd}) {
			print STDERR "cannot enter $options->{cwd}: $!\n";
			_exit(126);
		}
		{ no warnings 'exec'; exec { $command[0] } @command; }
		print STDERR "cannot run $command[0]: $!\n";
		_exit(127);
	}
	setpgid($pid, $pid);
	$started{$pid} = 1;
	return bless {pid => $pid, folder => $folder}, 'helper::process';
}

# A port of 127.0.0.1 that is free for UDP and TCP now.
sub free_port {
	require IO::Socket::INET;
	for (1 .. 200) {
		my $port = 4000 + int rand 6000; # none of those that the kernel hands out to whoever asks for any
		my %where = (LocalAddr => '127.0.0.1', LocalPort => $port);
		my $tcp = IO::Socket::INET->new(%where, Proto => 'tcp', Listen => 1) or next;
		return $port if IO::Socket::INET->new(%where, Proto => 'udp');
	}
	croak 'no free port';
}

# The environment of a program whose clock is so many seconds ahead of ours; nothing where libfaketime is not installed.
# Its wrapper leaves a semaphore behind when it is ended, by the number of its process, and starts no more under that.
sub other_clock {
	my ($seconds) = @_;
	my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1' or return;
	return (LD_PRELOAD => $library, FAKETIME => sprintf('%+ds', $seconds), FAKETIME_DONT_FAKE_MONOTONIC => 1);
}

# Calls the function until it is true, or the time is over. Returns what it returned last.
sub wait_until(&;$) {
	my ($condition, $seconds) = @_;
	my $end = time + ($seconds // 10);
	while (1) {
		my $result = $condition->();
		return $result if $result || time >= $end;
		sleep 0.01;
	}
}

# Nothing outlives the test, also when it dies half-way.
END {
	my $status = $?;
	kill 'KILL', map { -$_ } keys %started;
	waitpid $_, 0 for keys %started;
	$? = $status;
}

package helper::process;
use Time::HiRes qw(time sleep);

sub pid { return $_[0]{pid} }
sub out { return helper::slurp("$_[0]{folder}/out") }
sub err { return helper::slurp("$_[0]{folder}/err") }

sub alive {
	my ($self) = @_;
	return 0 if defined $self->{status};
	return 1 if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
	$self->{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	return 0;
}

sub wait_for {
	my ($self, $pattern, $seconds) = @_;
	my $seen = sub { ($self->out . $self->err) =~ $pattern };
	helper::wait_until(sub { $seen->() || !$self->alive }, $seconds // 10);
	return $seen->();
}

sub stop {
	my ($self, $signal) = @_;
	my $end = time + 5;
	kill $signal || 'TERM', -$self->{pid} if $self->alive;
	sleep 0.005 while $self->alive && time < $end;
	kill 'KILL', -$self->{pid};
	sleep 0.005 while $self->alive;
	delete $started{$self->{pid}};
	return $self->{status};
}

1;
