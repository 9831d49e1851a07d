/* SPDX-License-Identifier: MIT */
/* From a process to the root that libkmem publishes in it. */
#ifndef KMEMTOP_ELFNOTE_H
#define KMEMTOP_ELFNOTE_H

#include "target.h"

#include <kmem/inspect.h>

/* Fills *root, whose magic and version are right and whose record sizes are no
 * smaller than ours. 0, or -errno and a line in t->why. */
int elfnote_find_root(struct target *t, struct kmem_root *root);

#endif
