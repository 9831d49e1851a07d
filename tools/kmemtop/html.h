/* SPDX-License-Identifier: MIT */
/* The map as one page, which needs nothing but itself. */
#ifndef KMEMTOP_HTML_H
#define KMEMTOP_HTML_H

#include "geometry.h"

#include <stdio.h>

void html_print(FILE *out, const struct geometry *g, const struct target *t);

#endif
