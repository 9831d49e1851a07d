/* SPDX-License-Identifier: MIT */
/*
 * The published root (kmem/inspect.h): each layer enters its own lists and
 * counts; an ELF note beside it leads inspectors here.
 */
#ifndef BUDDY_ROOT_H
#define BUDDY_ROOT_H

#include <kmem/inspect.h>

#pragma GCC visibility push(hidden)
extern struct kmem_root root_record;
#pragma GCC visibility pop

/* The root that a module's notes lead to, or NULL: nnotes bytes of PT_NOTE at notes. */
const struct kmem_root *root_in_notes(const char *notes, uint64_t nbytes);

#endif
