/* SPDX-License-Identifier: MIT */
/* Amounts as text. */
#ifndef KMEMTOP_UNITS_H
#define KMEMTOP_UNITS_H

#include <stdint.h>

#define UNITS_TEXT 32 /* room for any amount */

enum units {
	UNITS_KIB,   /* as slabtop: 0.12K, 1024K */
	UNITS_HUMAN, /* 128B, 1.0M */
};

/* All return text, which has room for UNITS_TEXT. */
char *units_nbytes(char *text, double nbytes); /* B, K, M, G */
char *units_size(char *text, double nbytes, enum units units);
char *units_rate(char *text, double per_second); /* at most 6 characters: 0.3, 999, 12.5k, 3.1M */

/* 0 to 100 */
double units_percent(double part, double whole);
/* Whole, rounded down: 100 means all. */
unsigned units_whole_percent(double part, double whole);

#endif
