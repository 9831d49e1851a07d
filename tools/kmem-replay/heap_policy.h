/* SPDX-License-Identifier: MIT */
/* A private heap's options as text: "heap", or "heap:" and words between commas. */
#ifndef KMEM_REPLAY_HEAP_POLICY_H
#define KMEM_REPLAY_HEAP_POLICY_H

#include <kmem/heap.h>

#define HEAP_POLICY_WORDS                                                                          \
	"good, first, best, worst, lifo, address, one-thread, checked, zero-on-free, span=BYTES, " \
	"limit=BYTES and memory=BYTES"

/* Whether a library's name is of a heap, not of a malloc. */
bool heap_policy_is(const char *name);
/* False: a word is none. Of memory= only the size is set. */
bool heap_policy_parse(const char *name, struct kmem_heap_options *options);

/* Those worth comparing; the last is NULL. */
extern const char *const heap_policies[];

#endif
