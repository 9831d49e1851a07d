// SPDX-License-Identifier: MIT
/*
 * Which requests fail, and what is said of it: see failslab.h.
 *
 * What is random is a function of the seed and the number of the request.
 *
 * The conditions are words of their own, written under the caches lock, which fork holds, and
 * read under none: a request in the midst of a change may see some of both.
 */
#include "slab/failslab.h"

#include "buddy/random.h"
#include "buddy/report.h"
#include "buddy/stacks.h"
#include "buddy/symbol.h"
#include "buddy/symbol_module.h"
#include "buddy/sys.h"
#include "slab/cache.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define MILLION	     1000000u
#define CALLERS	     16u /* the most that are looked at */
#define FRAMES	     32u /* with those of libkmem's own */
#define OBJECT_WORDS ((KMEM_FAULT_OBJECT_MAX + 1) / sizeof(uint64_t))

_Atomic unsigned failslab_ppm;

static struct kmem_fault given; /* guarded by cache_lock */
static struct {
	_Atomic unsigned interval, depth;
	_Atomic bool all, ignore_wait, has_object;
	_Atomic int verbose;
	_Atomic uint64_t seed;
	_Atomic size_t space;
	_Atomic uint64_t object[OBJECT_WORDS]; /* the name */
	_Atomic long left;		       /* failures; less than 0: any number */
	_Atomic size_t nbytes;		       /* asked for so far */
	_Atomic uint64_t nrequests;	       /* after space */
	_Atomic size_t nfailed;
	_Atomic uint32_t said_ms;
} state;

#define GET(field)	  atomic_load_explicit(&state.field, memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&state.field, value, memory_order_relaxed)

bool failslab_is_for_all(void)
{
	return failslab_is_on() && GET(all);
}

/* Is that the path's, its last component's, or the beginning of that, up to a dot? */
static bool is_named(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');
	size_t n = strlen(name);

	if (strchr(name, '/'))
		return strcmp(path, name) == 0;
	base = base ? base + 1 : path;
	return strncmp(base, name, n) == 0 && (base[n] == '\0' || base[n] == '.');
}

/* Is a function of the object among the callers? The stack takes room that others do without. */
static __attribute__((noinline)) bool comes_from_object(void)
{
	uint64_t name[OBJECT_WORDS];
	uintptr_t frames[FRAMES];
	unsigned n = stack_now(frames, FRAMES), depth = GET(depth);

	for (unsigned i = 0; i < OBJECT_WORDS; i++)
		name[i] = GET(object[i]);
	for (unsigned i = 0; i < n && i < depth; i++) {
		/* A return address may be the next function's: the call was before it. */
		const char *path = symbol_module_path(frames[i] - 1);

		if (path && is_named(path, (const char *)name))
			return true;
	}
	return false;
}

/* One failure less to come; false: there were enough. */
static bool take_one(void)
{
	long left = GET(left);

	do
		if (left <= 0)
			return left != 0;
	while (!atomic_compare_exchange_weak_explicit(&state.left, &left, left - 1,
						      memory_order_relaxed, memory_order_relaxed));
	return true;
}

/* After the conditions that say which requests are meant. */
static bool is_its_turn(size_t nbytes, uint64_t *number)
{
	unsigned interval = GET(interval), ppm;

	if (atomic_fetch_add_explicit(&state.nbytes, nbytes, memory_order_relaxed) < GET(space))
		return false;
	*number = atomic_fetch_add_explicit(&state.nrequests, 1, memory_order_relaxed) + 1;
	if (interval > 1 && *number % interval != 0)
		return false;
	ppm = atomic_load_explicit(&failslab_ppm, memory_order_relaxed);
	return (random_at(GET(seed), *number) >> 32) * MILLION >> 32 < ppm;
}

static void say(const char *name, size_t nbytes, uint64_t number, size_t nth)
{
	int verbose = GET(verbose);
	uintptr_t frames[FRAMES];

	if (verbose < 0 || (verbose == 0 && !report_is_due(&state.said_ms)))
		return;
	report("injected failure %zu: %zu bytes of '%s' (request %zu, seed %zu)", nth, nbytes, name,
	       (size_t)number, (size_t)GET(seed));
	if (verbose == 0)
		return;
	report_text("Call Trace:");
	symbols_print(frames, stack_now(frames, FRAMES));
}

bool failslab_decide(const char *name, slab_flags_t flags_of_cache, size_t nbytes, gfp_t flags)
{
	uint64_t number;
	size_t nth;

	if (flags & __GFP_NOFAIL || (GET(ignore_wait) && flags & __GFP_DIRECT_RECLAIM))
		return false;
	if (!(flags_of_cache & SLAB_FAILSLAB) && !GET(all))
		return false;
	if (GET(left) == 0 || (GET(has_object) && !comes_from_object()))
		return false;
	if (!is_its_turn(nbytes, &number) || !take_one())
		return false;
	nth = atomic_fetch_add_explicit(&state.nfailed, 1, memory_order_relaxed) + 1;
	say(name, nbytes, number, nth);
	return true;
}

static uint64_t some_seed(void)
{
	uint64_t seed;

	memcpy(&seed, sys_random16(), sizeof(seed));
	return random_at(seed, sys_now_ms()) | 1;
}

static int check(const struct kmem_fault *fault)
{
	size_t n = strnlen(fault->object, sizeof(fault->object));

	if (fault->ppm > MILLION || n == sizeof(fault->object))
		return -EINVAL;
	return n && !KMEM_DL_FIND_OBJECT ? -EOPNOTSUPP : 0;
}

static void apply_locked(const struct kmem_fault *fault)
{
	uint64_t name[OBJECT_WORDS];

	SET(interval, fault->interval);
	SET(depth, fault->depth && fault->depth < CALLERS ? fault->depth : CALLERS);
	SET(all, fault->all);
	SET(ignore_wait, fault->ignore_wait);
	SET(has_object, fault->object[0] != '\0');
	SET(verbose, fault->verbose);
	SET(seed, fault->seed);
	SET(space, fault->space);
	memcpy(name, fault->object, sizeof(name));
	for (unsigned i = 0; i < OBJECT_WORDS; i++)
		SET(object[i], name[i]);
	SET(left, fault->times > 0 ? fault->times : -1);
	SET(nbytes, 0);
	SET(nrequests, 0);
	SET(nfailed, 0);
	SET(said_ms, 0);
}

int kmem_fault_set(const struct kmem_fault *fault)
{
	struct kmem_fault none = {0};
	int err = fault ? check(fault) : 0;

	if (err)
		return err;
	lock_take(&cache_lock, LOCK_CACHES);
	given = fault ? *fault : none;
	if (given.ppm && !given.seed)
		given.seed = some_seed();
	atomic_store_explicit(&failslab_ppm, 0, memory_order_relaxed);
	apply_locked(&given);
	atomic_store_explicit(&failslab_ppm, given.ppm, memory_order_relaxed);
	lock_release(&cache_lock, LOCK_CACHES);
	return 0;
}

void kmem_fault_get(struct kmem_fault *fault)
{
	lock_take(&cache_lock, LOCK_CACHES);
	*fault = given;
	lock_release(&cache_lock, LOCK_CACHES);
}

size_t kmem_fault_count(void)
{
	return GET(nfailed);
}
