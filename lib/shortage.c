// SPDX-License-Identifier: MIT
/*
 * A request found no memory. What comes next, each before one more try:
 *
 *	purge               under a limit, a few more dirty pages than are wanted
 *	free memory home    sheaves of this thread and barns, empty slabs and spans; other
 *	                    threads are asked for theirs; under a limit purged as well
 *	grace               a grace period, for what waits for one; home
 *	shrink              shrinkers and reclaim callbacks, for half of what they have; home
 *	shrink all          shrinkers for all of it; home
 *	grace               once more, for what shrinkers freed so
 *	rest                if it may not fail: a few milliseconds, then all of it again
 *
 * No lock is held: the callbacks are the program's. One of them that finds no memory itself
 * is given what is free, and asks nobody; nor does it rest, as what it waits for may be what
 * it is to free.
 */
#include "lib/shortage.h"

#include "buddy/buddy.h"
#include "buddy/limit.h"
#include "buddy/run.h"
#include "lib/front.h"
#include "lib/shrinker.h"
#include "lib/trim.h"
#include "slab/ask.h"
#include "slab/rcu.h"
#include "slab/reclaim.h"

enum stage {
	STAGE_PURGE,
	STAGE_HOME,
	STAGE_GRACE,
	STAGE_SHRINK,
	STAGE_SHRINK_ALL,
	STAGE_GRACE_AGAIN,
	STAGE_END
};

#define PURGE_MORE ((size_t)256)		 /* pages, for records and the next requests */
#define GRACE_MS   100u				 /* at most, twice */
#define REST_MOST  6u				 /* doublings of a millisecond */
#define BYTES_MAX  (RUN_PAGES_MAX << PAGE_SHIFT) /* that can be had */

/*
 * Dirty pages into which the request does not fit count against a limit, clean ones do not;
 * how many went. A fork waits for it, as its child would lack what is in hand.
 */
static size_t purge(const struct shortage *shortage)
{
	size_t npages;

	if (!limit_get())
		return 0;
	lock_take(&reclaim_lock, LOCK_RECLAIM);
	npages = buddy_purge_some(0, shortage->npages + PURGE_MORE);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
	return npages;
}

/* To the zones: what is free above them. */
static void send_home(const struct shortage *shortage)
{
	if (shortage->of_limit)
		return;
	trim_sheaves(false);
	front_drop_empty();
	purge(shortage);
}

/* Objects that were freed lie in sheaves: they are to go home as well. */
static bool shrink_and_send_home(const struct shortage *shortage, enum shrink_share part)
{
	if (shortage->flags & __GFP_NORETRY || !shrink(shortage->flags, part, NULL))
		return false;
	send_home(shortage);
	return true;
}

/*
 * Objects come home, and slabs that they leave empty go by another grace period. Not for long:
 * a reader may wait for what this thread holds.
 */
static bool grace(const struct shortage *shortage)
{
	if (shortage->flags & __GFP_NORETRY || rcu_drain_all(GRACE_MS) <= 0)
		return false;
	send_home(shortage);
	rcu_drain_all(GRACE_MS);
	purge(shortage);
	return true;
}

static bool act(const struct shortage *shortage, enum stage stage)
{
	switch (stage) {
	case STAGE_PURGE:
		return purge(shortage) > 0;
	case STAGE_HOME:
		send_home(shortage);
		return true;
	case STAGE_SHRINK:
		return shrink_and_send_home(shortage, SHRINK_HALF);
	case STAGE_SHRINK_ALL:
		return shrink_and_send_home(shortage, SHRINK_REST);
	default:
		return !shortage->of_limit && grace(shortage);
	}
}

/* Nobody wakes it: memory may come from anywhere, the system included. */
static void rest(struct shortage *shortage)
{
	static uint32_t nobody;

	sys_futex_wait_ms(&nobody, 0, 1u << shortage->rests);
	if (shortage->rests < REST_MOST)
		shortage->rests++;
	shortage->stage = 0;
}

/* The next stage that does something; false: all have been. */
static bool act_next(struct shortage *shortage)
{
	/* In a fork other handlers may allocate, but all locks are ours. */
	if (limit_exceeds(shortage->nbytes) || lock_is_ours())
		return false;
	if (shortage->of_limit && shortage->stage < STAGE_SHRINK)
		shortage->stage = STAGE_SHRINK;
	while (shortage->stage < STAGE_END)
		if (act(shortage, shortage->stage++))
			return true;
	return false;
}

bool shortage_next(struct shortage *shortage)
{
	bool again = shortage->nbytes <= BYTES_MAX;

	if (again && !act_next(shortage)) {
		again = shortage->flags & __GFP_NOFAIL && !asking;
		if (again)
			rest(shortage);
	}
	/* A cache's own limit is none of the process. */
	if (again || shortage->of_limit)
		limit_forget();
	else
		limit_refused(shortage->nbytes, shortage->flags);
	return again;
}
