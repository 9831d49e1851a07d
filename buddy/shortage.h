/* SPDX-License-Identifier: MIT */
/*
 * What is done before a request fails. A slow path that found no memory tries again as
 * long as shortage_again says so; between two tries what is free goes home, and the
 * program's shrinkers and reclaim callbacks run (lib/shortage.c). No lock may be held.
 */
#ifndef BUDDY_SHORTAGE_H
#define BUDDY_SHORTAGE_H

#include <kmem/gfp.h>
#include <stdbool.h>
#include <stddef.h>

/* Inside: one try, of who does what is below itself. */
#define GFP_ONCE 0x80000000u

/* A request that found no memory, or that a cache's limit does not admit. */
struct shortage {
	bool of_limit; /* so nothing need go home */
	size_t nbytes; /* asked for */
	size_t npages; /* that would do */
	gfp_t flags;
	unsigned stage;
	unsigned rests; /* of one that may not fail */
};

/* Set by the layer that knows all of them; answers whether to try again. */
extern bool (*shortage_hook)(struct shortage *shortage);

/*
 * errno of a request that may not wait and found nothing at hand: EAGAIN. One that may not
 * fail either asks for too much: EINVAL, and one line that names the function.
 */
void shortage_no_wait(gfp_t flags, const char *doing);

static inline bool shortage_again(struct shortage *shortage)
{
	return !(shortage->flags & GFP_ONCE) && shortage_hook && shortage_hook(shortage);
}

#endif
