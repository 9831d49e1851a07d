/* SPDX-License-Identifier: MIT */
/* Amounts as text: see units.h. */
#include "units.h"

#include <stdio.h>

char *units_nbytes(char *text, double nbytes)
{
	const char *unit = "BKMGTPE";

	while (nbytes >= 1023.95 && unit[1]) {
		nbytes /= 1024;
		unit++;
	}
	snprintf(text, UNITS_TEXT, *unit == 'B' ? "%.0f%c" : "%.1f%c", nbytes, *unit);
	return text;
}

char *units_size(char *text, double nbytes, enum units units)
{
	if (units == UNITS_HUMAN)
		return units_nbytes(text, nbytes);
	snprintf(text, UNITS_TEXT, "%.2fK", nbytes / 1024);
	return text;
}

char *units_rate(char *text, double per_second)
{
	const char *unit = " kMGTPE";

	while (per_second >= 999.95 && unit[1]) {
		per_second /= 1000;
		unit++;
	}
	if (*unit != ' ')
		snprintf(text, UNITS_TEXT, "%.1f%c", per_second, *unit);
	else
		snprintf(text, UNITS_TEXT, per_second > 0 && per_second < 10 ? "%.1f" : "%.0f",
			 per_second);
	return text;
}

double units_percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

unsigned units_whole_percent(double part, double whole)
{
	double percent = units_percent(part, whole);

	return percent < 0 ? 0 : percent < 100 ? (unsigned)percent : 100;
}
