// SPDX-License-Identifier: MIT
/* Reports from where nothing may be waited for or asked for: each comes, and the program goes on.
 */
#include "debug_fixture.h"
#include "fork_handler.h"

#include "buddy/report.h"
#include "faults.h"
#include "guarded.h"
#include "slab/debug_report.h"

#include <sys/time.h>

#define REPORTS 50u /* in signal handlers */

static void *damaged; /* freed, it is a report */
static _Atomic unsigned nhandled;

static void make_damaged(void)
{
	unsigned char *object;

	settings.on_error = ON_ERROR_CONTINUE;
	if (!cache)
		make(64, FZPU);
	object = get();
	object[64] = 0x41;
	damaged = object;
}

static void commit(void)
{
	put(damaged);
	if (!strstr(kmem_last_report, "BUG debugged: Right Redzone overwritten") ||
	    !strstr(kmem_last_report, "FIX debugged: "))
		_exit(3);
}

static void expect_reports(void (*act)(void), unsigned n)
{
	struct last_words words = unit_child(act);

	if (words.status != 0 || unit_count(words.text, "FIX ") < n)
		ck_abort_msg("status %#x, %u reports expected: %s", (unsigned)words.status, n,
			     words.text);
}

/* Whatever it interrupts: it has its own object, and a report takes no lock. */
static void handle(int number)
{
	struct debug_view view;

	(void)number;
	if (nhandled >= REPORTS)
		return;
	debug_view(&view, cache, damaged);
	debug_report_twice(&view);
	nhandled++;
}

static void be_interrupted(void)
{
	struct itimerval often = {.it_interval = {0, 1000}, .it_value = {0, 1000}};
	void *objects[300];

	make_damaged();
	signal(SIGPROF, handle);
	setitimer(ITIMER_PROF, &often, NULL);
	while (nhandled < REPORTS) {
		for (unsigned i = 0; i < 300; i++)
			objects[i] = i % 3 ? get() : kmem_malloc(100 * i);
		for (unsigned i = 0; i < 300; i++)
			i % 3 ? put(objects[i]) : kmem_free(objects[i]);
		kmem_trim();
	}
	/* The report's first lines, as what the test reads has an end. */
	if (unit_count(kmem_last_report, "Object already free") != 1)
		_exit(3);
}

START_TEST(in_a_signal_handler)
{
	expect_reports(be_interrupted, 2);
}
END_TEST

static volatile char *gone;

static void touch(int number)
{
	(void)number;
	*gone = 1;
	nhandled++;
}

/* A fault in a handler, while the thread is anywhere in malloc and free. */
static void fault_in_a_handler(void)
{
	struct itimerval once = {.it_value = {0, 1000}};

	settings.on_error = ON_ERROR_CONTINUE;
	setenv("KMEM_SYMBOLS", "", 1);
	guard_on();
	signal(SIGPROF, touch);
	for (unsigned i = 0; i < 10; i++) {
		void *object = guarded_object(NULL, 40, EDGE_ANY);

		kmem_free(object);
		gone = object;
		setitimer(ITIMER_PROF, &once, NULL);
		while (nhandled <= i) {
			kmem_free(kmem_malloc(below(&unit_random, 50000)));
			kmem_trim();
		}
	}
	if (!strstr(kmem_last_report, "BUG: KFENCE: use-after-free write"))
		_exit(3);
}

START_TEST(of_a_fault_in_a_signal_handler)
{
	struct last_words words;

	if (UNDER_TSAN) /* it blocks faults while it runs a handler */
		return;
	words = unit_child(fault_in_a_handler);
	ck_assert_int_eq(words.status, 0);
	ck_assert_uint_ge(unit_count(words.text, "BUG: KFENCE: use-after-free"), 2);
}
END_TEST

static void fork_with_a_crime(void)
{
	make_damaged();
	fork_and_ask(commit);
}

/* The locks stay as they are when it ends the program. */
static void fork_with_the_last_crime(void)
{
	make_damaged();
	settings.on_error = ON_ERROR_ABORT;
	fork_and_ask(commit);
}

START_TEST(with_every_lock_held)
{
	struct last_words words;

	expect_reports(fork_with_a_crime, 1);
	words = unit_child(fork_with_the_last_crime);
	require(unit_aborted(&words));
	ck_assert_uint_eq(unit_count(words.text, "FIX "), 1);
}
END_TEST

static _Atomic enum { BEGUN, READY, HELD } phase;

static void *commit_elsewhere(void *unused)
{
	put(get()); /* it has its record */
	phase = READY;
	while (phase != HELD)
		unit_sleep_ms(1);
	put(damaged);
	return unused;
}

/* Holds all locks until another thread has reported what it found. */
static void hold_until_reported(void)
{
	phase = HELD;
	while (!strstr(kmem_last_report, "FIX debugged: "))
		unit_sleep_ms(1);
}

static void report_while_another_forks(void)
{
	pthread_t thread;

	make_damaged();
	pthread_create(&thread, NULL, commit_elsewhere, NULL);
	while (phase != READY)
		unit_sleep_ms(1);
	fork_and_ask(hold_until_reported);
	pthread_join(thread, NULL);
}

START_TEST(while_another_thread_holds_every_lock)
{
	if (!UNDER_TSAN) /* it reads text while the other thread writes it */
		expect_reports(report_while_another_forks, 1);
}
END_TEST

static pthread_key_t key;

/* Again and again, until the thread's record is gone. */
static void at_exit(void *left)
{
	commit();
	make_damaged();
	pthread_setspecific(key, (char *)left - 1);
}

static void *end(void *unused)
{
	make_damaged();
	pthread_setspecific(key, (void *)4);
	return unused;
}

static void end_a_thread(void)
{
	pthread_t thread;

	pthread_key_create(&key, at_exit);
	pthread_create(&thread, NULL, end, NULL);
	pthread_join(thread, NULL);
}

START_TEST(at_a_threads_end)
{
	expect_reports(end_a_thread, 3);
}
END_TEST

static void construct(void *object)
{
	memset(object, 0, 32);
	if (damaged)
		commit();
	damaged = NULL;
}

static void allocate_slowly(void)
{
	struct kmem_cache *made = kmem_cache_create("made", 32, 0, 0, construct);

	make_damaged();
	kmem_cache_free(made, kmem_cache_alloc(made, GFP_KERNEL));
	if (damaged)
		_exit(4);
}

START_TEST(in_a_slow_path)
{
	expect_reports(allocate_slowly, 1);
}
END_TEST

static void commit_without_calls(void)
{
	make_damaged();
	faults_begin(1, ~0ul);
	commit();
}

START_TEST(where_every_call_fails)
{
	expect_reports(commit_without_calls, 1);
}
END_TEST

UNIT_MAIN("debug_anywhere", in_a_signal_handler, of_a_fault_in_a_signal_handler,
	  with_every_lock_held, while_another_thread_holds_every_lock, at_a_threads_end,
	  in_a_slow_path, where_every_call_fails)
