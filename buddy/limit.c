// SPDX-License-Identifier: MIT
/* The limit of the process: see limit.h. */
#include "buddy/limit.h"

#include "buddy/buddy.h"
#include "buddy/report.h"
#include "buddy/sys.h"

#include <errno.h>
#include <kmem/limits.h>

uint64_t limit_tables;

static _Atomic size_t nrefused;
static __thread bool was_refused, notifying; /* this thread's last try; it is in the callback */
static struct {
	void (*refused)(size_t nbytes, void *data);
	void *data;
} notify; /* guarded by the page lock */

static size_t load(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* Bytes of a zone: its pages that may be resident, and what the page map has for it. */
static size_t zone_bytes(const struct zone *zone)
{
	size_t committed = load(&zone->pub.committed);

	return (zone_resident(zone) << PAGE_SHIFT) + pagemap_bytes(committed);
}

/* The table of caches, as far as it is in use. */
static size_t table_bytes(void)
{
	return __atomic_load_n(&root_record.ncaches, __ATOMIC_RELAXED) * sizeof(void *);
}

static size_t usage_locked(void)
{
	size_t nbytes = LIMIT_OWN + load(&root_record.mapped_bytes) +
			load(&root_record.meta_bytes) + load(&limit_tables) + table_bytes();

	for_each_zone (zone)
		nbytes += zone_bytes(zone);
	return nbytes;
}

bool limit_fits_locked(size_t nbytes)
{
	size_t limit = limit_get(), usage;

	if (!limit)
		return true;
	usage = usage_locked();
	if (usage <= limit && nbytes <= limit - usage)
		return true;
	was_refused = true;
	return false;
}

bool limit_enter(void)
{
	if (!limit_get())
		return false;
	lock_take(&buddy_lock, LOCK_PAGES);
	return true;
}

void limit_leave(bool entered)
{
	if (entered)
		lock_release(&buddy_lock, LOCK_PAGES);
}

bool limit_fits(size_t nbytes)
{
	bool entered = limit_enter(), fits = limit_fits_locked(nbytes);

	limit_leave(entered);
	return fits;
}

bool limit_reserve(uint64_t *count, size_t nbytes)
{
	bool entered = limit_enter(), fits = limit_fits_locked(nbytes);

	if (fits)
		__atomic_fetch_add(count, nbytes, __ATOMIC_RELAXED);
	limit_leave(entered);
	return fits;
}

void limit_return(uint64_t *count, size_t nbytes)
{
	__atomic_fetch_sub(count, nbytes, __ATOMIC_RELAXED);
}

bool limit_has_refused(void)
{
	return was_refused;
}

void limit_forget(void)
{
	was_refused = false;
}

bool limit_exceeds(size_t nbytes)
{
	size_t limit = limit_get();

	was_refused |= limit && nbytes > limit;
	return limit && nbytes > limit;
}

void limit_refused(size_t nbytes, gfp_t flags)
{
	static _Atomic uint32_t reported_ms;
	void (*refused)(size_t nbytes, void *data);
	void *data;

	if (!was_refused)
		return;
	was_refused = false;
	atomic_fetch_add_explicit(&nrefused, 1, memory_order_relaxed);
	if (!(flags & __GFP_NOWARN) && report_is_due(&reported_ms))
		report("limit_bytes: a request of %zu bytes is refused, %zu of %zu are in use",
		       nbytes, kmem_limit_usage(), limit_get());
	lock_take(&buddy_lock, LOCK_PAGES);
	refused = notify.refused;
	data = notify.data;
	lock_release(&buddy_lock, LOCK_PAGES);
	/* What it asks for itself is counted, no more; nor what fork handlers do under all locks.
	 */
	if (!refused || notifying || lock_is_ours())
		return;
	notifying = true;
	refused(nbytes, data);
	notifying = false;
}

int kmem_limit_set(size_t nbytes)
{
	if (nbytes && nbytes < KMEM_LIMIT_MIN)
		return -EINVAL;
	__atomic_store_n(&root_record.limit_bytes, nbytes, __ATOMIC_RELAXED);
	return 0;
}

size_t kmem_limit_get(void)
{
	return limit_get();
}

size_t kmem_limit_usage(void)
{
	size_t nbytes;

	lock_take(&buddy_lock, LOCK_PAGES);
	nbytes = usage_locked();
	lock_release(&buddy_lock, LOCK_PAGES);
	return nbytes;
}

size_t kmem_limit_refusals(void)
{
	return atomic_load_explicit(&nrefused, memory_order_relaxed);
}

void kmem_limit_notify(void (*refused)(size_t nbytes, void *data), void *data)
{
	lock_take(&buddy_lock, LOCK_PAGES);
	notify.refused = refused;
	notify.data = data;
	lock_release(&buddy_lock, LOCK_PAGES);
}
