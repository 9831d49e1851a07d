/* SPDX-License-Identifier: MIT */
/*
 * Reports on debugged objects, in the kernel's words and order: which bytes differ, the bug,
 * who allocated and freed the object, slab and object, the bytes around it, this stack, and
 * what was done about it. Then the program ends, unless on_error is continue.
 */
#ifndef SLAB_DEBUG_REPORT_H
#define SLAB_DEBUG_REPORT_H

#include "slab/debug_layout.h"

struct debug_bytes {
	const unsigned char *at;
	size_t nbytes;
};

/* An object, or a block of pages, as a report shows it. */
struct debug_view {
	const char *name; /* of the cache */
	const void *object;
	uintptr_t base;	 /* offsets count from here */
	char place[120]; /* the line about its slab, or pages */
	struct debug_bytes left, body, right, padding;
	const struct track *tracks; /* TRACKS of them, or NULL */
	bool continues;
};

void debug_view(struct debug_view *view, const struct kmem_cache *cache, const void *object);

/* Somebody wrote into a zone; it is restored. */
void debug_report_bytes(const struct debug_view *view, const struct debug_zone *zone,
			const unsigned char *first, const unsigned char *last);
/* It is otherwise than constructed, which it is to be again. */
void debug_report_dirty(const struct debug_view *view, const char *reason,
			const unsigned char *first, unsigned char expected);
/* It is not handed out again. */
void debug_report_aside(const struct debug_view *view);
/* Freed: an address that is inside the object, or before all; one that is free. */
void debug_report_pointer(const struct debug_view *view, const void *pointer);
void debug_report_twice(const struct debug_view *view);

/* Report a zone in which some byte is another, and restore it. */
void debug_repair(const struct debug_view *view, const struct debug_zone *zone);

/* A line for an operation, and with the stack. */
void debug_trace(const struct kmem_cache *cache, const void *object, const char *doing);

#endif
