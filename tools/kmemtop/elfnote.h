/* SPDX-License-Identifier: MIT */
/* From a process to the root that libkmem publishes in it. */
#ifndef KMEMTOP_ELFNOTE_H
#define KMEMTOP_ELFNOTE_H

#include "target.h"

#include <kmem/inspect.h>

/* Fills *root, whose magic and version are right; fields that the target's
 * libkmem does not publish are 0. 0, or -errno and a line in t->why. */
int elfnote_find_root(struct target *t, struct kmem_root *root);

/* How much of a record both sides know. */
static inline size_t elfnote_common(size_t published, size_t known)
{
	return published < known ? published : known;
}

#endif
