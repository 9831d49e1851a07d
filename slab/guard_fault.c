// SPDX-License-Identifier: MIT
/* Faults on pages of the pool: what was it, and may the program go on? See guard_report.h. */
#include "slab/guard_report.h"

#include "buddy/report.h"
#include "buddy/sys.h"

/* May the program use it, or somebody on his behalf? */
static bool is_out(const struct guarded *guarded)
{
	enum guard_state state = guarded_state(guarded);

	return (state == GUARD_LIVE || state == GUARD_LEFT || state == GUARD_TAKEN) &&
	       guarded->object;
}

static uintptr_t distance(const struct guarded *guarded, uintptr_t addr)
{
	return addr < guarded->object ? guarded->object - addr
				      : addr - (guarded->object + guarded->nbytes);
}

/* Of the objects below and above a page between two, the nearest that is out; NULL: none. */
static struct guarded *nearest(uintptr_t addr)
{
	struct guarded *objects = guard_pool.objects, *found = NULL;
	size_t above = (addr - guard_pool.base) / guard_pool.unit / 2;

	if (above > 0 && is_out(&objects[above - 1]))
		found = &objects[above - 1];
	if (above < guard_pool.nobjects && is_out(&objects[above]) &&
	    (!found || distance(&objects[above], addr) < distance(found, addr)))
		found = &objects[above];
	return found;
}

/* On the page of an object. */
static bool fault_inside(const struct fault *fault, struct guarded *guarded)
{
	enum guard_state state = guarded_state(guarded);

	/* Another thread's fault there was seen to meanwhile. */
	if (state == GUARD_OPEN)
		return true;
	/*
	 * It became an object again since; or the program itself took the page's rights away, and
	 * wants to hear of it: then it faults again.
	 */
	if (state == GUARD_LIVE || state == GUARD_LEFT)
		return !atomic_exchange_explicit(&guarded->retried, true, memory_order_relaxed);
	guard_report_access(
		&(struct guard_access){fault, state == GUARD_IDLE ? NULL : guarded, true});
	if (sys_commit((void *)guarded_page(guarded), guard_pool.unit) < 0)
		return false;
	guarded_claim(guarded, GUARD_FREED, GUARD_OPEN);
	return true;
}

/* Between two; what is opened there is closed with the object. */
static bool fault_between(const struct fault *fault)
{
	uintptr_t page = fault->addr & ~(guard_pool.unit - 1);
	struct guarded *guarded = nearest(fault->addr);

	if (guarded && atomic_load_explicit(&guarded->opened, memory_order_relaxed) == page)
		return true;
	guard_report_access(&(struct guard_access){fault, guarded, false});
	if (sys_commit((void *)page, guard_pool.unit) < 0)
		return false;
	if (guarded)
		atomic_store_explicit(&guarded->opened, page, memory_order_relaxed);
	return true;
}

bool guard_fault(const struct fault *fault)
{
	struct guarded *guarded;

	if (!guard_ready() || fault->addr - guard_pool.base >= guard_pool.nbytes)
		return false;
	guarded = guarded_at(fault->addr);
	return guarded ? fault_inside(fault, guarded) : fault_between(fault);
}
