/* SPDX-License-Identifier: MIT */
/* The geometry as JSON that may stand inside of a page. */
#ifndef KMEMTOP_HTML_DATA_H
#define KMEMTOP_HTML_DATA_H

#include "geometry.h"

#include <stdio.h>

/*
 * Strings have no character that means anything to HTML. Rows are arrays, to be short:
 *
 *	runs	 page of the zone, pages, kind, owner or -1, parked
 *	slabs	 cache, record, base, in use, parked, home, fresh, owned, states of objects
 *	spans	 heap or -1, base, bytes, damaged, blocks: size, state, size, state, …
 *	mappings address, pages, kind
 *
 * States of objects are two to a character, of 3 bits each, as in enum geometry_state, from
 * the alphabet A-Z a-z 0-9 - _. They and blocks are left out where there are too many.
 */
void html_data(FILE *out, const struct geometry *g, const struct target *t);

#endif
