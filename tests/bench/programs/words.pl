# SPDX-License-Identifier: MIT
# Hashes of lists, strings that grow, sorting, regular expressions.
use strict;
use warnings;

my ($rounds, $seed, $total) = (shift, 1, 0);
sub random { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed % shift; }

for my $round (1 .. $rounds) {
	my %lines_of;
	my $text = '';
	for my $line (1 .. 8000) {
		my @words = map { 'w' . random(5000) } 1 .. 8;
		push @{ $lines_of{$_} }, $line for @words;
		$text .= join(' ', @words) . "\n";
	}
	$total += scalar(@{ $lines_of{$_} }) for sort keys %lines_of;
	my %count;
	$count{$1}++ while $text =~ /w(\d+)/g;
	$total += scalar(keys %count);
	my @sorted = sort { $count{$b} <=> $count{$a} || $a <=> $b } keys %count;
	$total += $sorted[0];
}
print "$total\n";
