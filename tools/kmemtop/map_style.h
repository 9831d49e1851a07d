/* SPDX-License-Identifier: MIT */
/* How the map's cells look on what it is printed to. */
#ifndef KMEMTOP_MAP_STYLE_H
#define KMEMTOP_MAP_STYLE_H

#include "map_cells.h"

#include <stdio.h>

struct map_style {
	FILE *out;
	size_t width;
	int ncolors; /* 0, 8 or 256 */
	int utf8;
};

struct map_style style_of(FILE *out);
void style_cell(const struct map_style *s, const struct map_cell *cell);
/* The usual colours again. */
void style_plain(const struct map_style *s);
/* 0 to 4 */
const char *style_shade(const struct map_style *s, unsigned shade);
/* That stands for the cell's cache; a space if it is no slab. */
char style_letter(const struct map_cell *cell);

#endif
