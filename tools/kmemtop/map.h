/* SPDX-License-Identifier: MIT */
/* The map: a process's zones to scale, in the terminal. */
#ifndef KMEMTOP_MAP_H
#define KMEMTOP_MAP_H

#include "geometry.h"

#include <stdio.h>

/*
 * In colour if standard output is a terminal that has it, else in letters; in block characters if
 * the locale is one of UTF-8, else in ASCII.
 */
void map_print(FILE *out, const struct geometry *g);

#endif
