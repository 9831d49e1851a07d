// SPDX-License-Identifier: MIT
/*
 * The thread that gives memory back in the background. It is made when the first
 * pages become free, by the next slow pass (a free holds locks, and pthread_create
 * allocates), looks at the process several times in a decay period while anything
 * becomes free or goes back, and a few periods more; then it sleeps until it is
 * called. It has no record, no sheaves and no signals.
 */
#include "slab/background.h"

#include "buddy/report.h"
#include "buddy/settings.h"
#include "buddy/sys.h"
#include "slab/slot.h"

#include <pthread.h>
#include <signal.h>

#define STACK_BYTES   ((size_t)64 << 10)
#define LOOKS_SHARE   4u  /* of a decay period, between two looks */
#define LOOK_LEAST_MS 10u /* however short the period is */
/*
 * Looks at which nothing goes back before it sleeps: what became free just before
 * the first of them spends two in a barn, one in an empty slab, and five among pages.
 */
#define LOOKS_IDLE 12u

_Atomic uint32_t call_state;
void (*call_hook)(void);

static _Atomic bool allowed, dismissed;
static _Atomic uint32_t nudges; /* what it sleeps on */

static bool change(uint32_t from, uint32_t to)
{
	/* relaxed: whoever reads the state passes nothing on with it */
	return atomic_compare_exchange_strong_explicit(&call_state, &from, to, memory_order_relaxed,
						       memory_order_relaxed);
}

void background_nudge(void)
{
	/* release: why; pairs with the acquire in work */
	atomic_fetch_add_explicit(&nudges, 1, memory_order_release);
	sys_futex_wake((uint32_t *)&nudges);
}

static void called(void)
{
	struct thread *thread = thread_known();

	if (change(CALL_AT_WORK, CALL_CALLED))
		return;
	if (change(CALL_ASLEEP, CALL_CALLED))
		background_nudge();
	else if (settings_background() && change(CALL_NONE, CALL_NEEDED) && thread)
		thread_pass_soon(thread);
}

/* The looks at the process, until it is not wanted. */
static void work(void)
{
	unsigned idle = 0;

	for (;;) {
		/* acquire: pairs with the release in background_nudge */
		uint32_t seen = atomic_load_explicit(&nudges, memory_order_acquire);
		uint32_t rest_ms = settings_decay_ms() / LOOKS_SHARE;

		if (!settings_background() ||
		    atomic_load_explicit(&dismissed, memory_order_relaxed))
			return;
		idle = change(CALL_CALLED, CALL_AT_WORK) ? 0 : idle + 1;
		if (decay_process() > 0)
			idle = 0;
		if (rest_ms < LOOK_LEAST_MS)
			rest_ms = LOOK_LEAST_MS;
		if (idle < LOOKS_IDLE)
			sys_futex_wait_ms((uint32_t *)&nudges, seen, rest_ms);
		else if (change(CALL_AT_WORK, CALL_ASLEEP) || change(CALL_ASLEEP, CALL_ASLEEP))
			sys_futex_wait((uint32_t *)&nudges, seen);
	}
}

static void *run(void *unused)
{
	sys_thread_name("libkmem");
	work();
	atomic_store_explicit(&call_state, CALL_NONE, memory_order_relaxed);
	return unused;
}

/* With a small stack if the program's thread-local data leaves room on it, and without signals. */
static int create(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&thread, &attr, run, NULL);
	if (err == EINVAL) {
		pthread_attr_destroy(&attr);
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		err = pthread_create(&thread, &attr, run, NULL);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

/* It is needed: make it, unless somebody does, or it would be too early. */
static void start(void)
{
	int err, saved = errno;

	/* The caller's end is what may dismiss it, so the caller must have a record. */
	if (!atomic_load_explicit(&allowed, memory_order_relaxed) || lock_is_ours() ||
	    !thread_self() || !change(CALL_NEEDED, CALL_CALLED))
		return;
	atomic_store_explicit(&dismissed, false, memory_order_relaxed);
	err = create();
	if (err) {
		__atomic_store_n(&settings.background, false, __ATOMIC_RELAXED);
		atomic_store_explicit(&call_state, CALL_NONE, memory_order_relaxed);
		report("background_thread: pthread_create fails with error %d; going on without",
		       err);
	}
	errno = saved;
}

bool background_takes_slow(void)
{
	if (atomic_load_explicit(&call_state, memory_order_relaxed) == CALL_NEEDED)
		start();
	else if (atomic_load_explicit(&call_state, memory_order_relaxed) < CALL_NONE)
		call();
	return atomic_load_explicit(&call_state, memory_order_relaxed) < CALL_NONE;
}

void background_allow(void)
{
	atomic_store_explicit(&allowed, true, memory_order_relaxed);
}

void background_set(bool wanted)
{
	call_hook = called;
	__atomic_store_n(&settings.background, wanted, __ATOMIC_RELAXED);
	if (wanted)
		change(CALL_OFF, CALL_NONE);
	background_nudge();
}

void background_dismiss(void)
{
	if (atomic_load_explicit(&call_state, memory_order_relaxed) == CALL_OFF)
		return;
	for_each_thread (thread)
		if (__atomic_load_n(&thread->pub.tid, __ATOMIC_RELAXED))
			return;
	atomic_store_explicit(&dismissed, true, memory_order_relaxed);
	background_nudge();
}

void background_after_fork(void)
{
	if (atomic_load_explicit(&call_state, memory_order_relaxed) != CALL_OFF)
		atomic_store_explicit(&call_state, CALL_NONE, memory_order_relaxed);
}
