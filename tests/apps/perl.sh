#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# perl: hashes, strings that grow, sorting, regular expressions, fork.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need perl

cat >"$work/script.pl" <<'PERL'
use strict;
use warnings;

my %h = map { $_ => "v" x ($_ % 200) } 1 .. 100000;
delete @h{ grep { $_ % 7 == 0 } keys %h };
print scalar(keys %h), "\n";
my $text = "";
$text .= "$_:" . length($h{$_}) . "," for sort { $a <=> $b } keys %h;
print length($text), " ", unpack("%32C*", $text), "\n";
my $count = () = $text =~ /(\d+):1(\d)/g;
$text =~ s/(\d+):/<$1>/g;
print "$count ", length($text), "\n";
my @lists = map { [ reverse 1 .. $_ % 100 ] } 1 .. 20000;
print join(" ", map { scalar @$_ } (sort { @$a <=> @$b || $a->[-1] // 0 <=> $b->[-1] // 0 } @lists)[ 0, 5000, 19999 ]), "\n";
$| = 1;
for my $k (1 .. 4) {
	my $pid = fork() // die;
	if (!$pid) { my %c = map { $_ => $h{$_} } keys %h; exit(scalar(keys %c) % 100) }
	waitpid($pid, 0);
	print "child: ", $? >> 8, "\n";
}
PERL
same env PERL_HASH_SEED=1 perl "$work/script.pl"
