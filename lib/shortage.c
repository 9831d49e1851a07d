// SPDX-License-Identifier: MIT
/*
 * A request found no memory. What comes next, each before one more try:
 *
 *	free memory home    sheaves of this thread and barns, empty slabs and spans; other
 *	                    threads are asked for theirs
 *	shrink              shrinkers and reclaim callbacks, for half of what they have; home
 *	shrink all          the same for all of it
 *
 * No lock is held: the callbacks are the program's. One of them that finds no memory itself
 * is given what is free, and asks nobody.
 */
#include "lib/shortage.h"

#include "buddy/buddy.h"
#include "lib/front.h"
#include "lib/shrinker.h"
#include "lib/trim.h"

enum stage { STAGE_HOME, STAGE_SHRINK, STAGE_SHRINK_ALL, STAGE_END };

#define ADDRESS_MAX ((size_t)1 << ARCH_ADDRESS_BITS)

/* To the zones: what is free above them. */
static void send_home(void)
{
	trim_sheaves();
	front_drop_empty();
}

/* Objects that were freed lie in sheaves: they are to go home as well. */
static bool shrink_and_send_home(const struct shortage *shortage, enum shrink_share part)
{
	unsigned long nfreed;

	if (shortage->flags & __GFP_NORETRY || !shrink(shortage->flags, part, &nfreed))
		return false;
	send_home();
	return true;
}

static bool act(const struct shortage *shortage, enum stage stage)
{
	switch (stage) {
	case STAGE_HOME:
		send_home();
		return true;
	case STAGE_SHRINK:
		return shrink_and_send_home(shortage, SHRINK_HALF);
	default:
		return shrink_and_send_home(shortage, SHRINK_ALL);
	}
}

bool shortage_next(struct shortage *shortage)
{
	/* In a fork other handlers may allocate, but all locks are ours. */
	if (lock_is_ours() || shortage->nbytes > ADDRESS_MAX)
		return false;
	while (shortage->stage < STAGE_END)
		if (act(shortage, shortage->stage++))
			return true;
	return false;
}
