// SPDX-License-Identifier: MIT
/* The background thread: gives back what nobody else would, sleeps when nothing is left. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "slab/background.h"
#include "slab/slot.h"

#include <dirent.h>
#include <errno.h>
#include <kmem.h>
#include <pthread.h>

#define NBYTES	((size_t)16 << 20)
#define NBLOCKS 20000u

static void setup(const char *decay_ms)
{
	ck_assert_int_eq(kmem_option_set("decay_ms", decay_ms), 0);
	ck_assert_int_eq(kmem_option_set("background_thread", "true"), 0);
}

static size_t dirty(void)
{
	size_t npages = 0;

	for_each_zone (zone)
		npages += __atomic_load_n(&zone->pub.dirty, __ATOMIC_RELAXED);
	return npages;
}

/* Within ten seconds, or UNIT_TIMEOUT would say less. */
static bool soon(bool (*happened)(void))
{
	for (int i = 0; i < 2000; i++) {
		if (happened())
			return true;
		unit_sleep_ms(5);
	}
	return false;
}

static bool all_clean(void)
{
	return dirty() == 0;
}

/* A page becomes free, and the next slow operation comes by. */
static void use_and_free(void)
{
	char *block = kmem_malloc(NBYTES);

	memset(block, 1, NBYTES);
	kmem_free(block);
}

/* A line of /proc/self/task/TID/status of the thread of that name; false: there is none. */
static bool thread_status(const char *field, char *value, size_t nbytes)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	bool found = false;

	while (!found && (task = readdir(tasks))) {
		char path[300], line[200];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file)) {
			if (strcmp(line, "Name:\tlibkmem\n") == 0)
				found = true;
			else if (found && strncmp(line, field, strlen(field)) == 0)
				snprintf(value, nbytes, "%s", line + strlen(field));
		}
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return found;
}

static bool there(void)
{
	char value[100];

	return thread_status("Name:", value, sizeof(value));
}

static bool gone(void)
{
	return !there();
}

static bool asleep(void)
{
	return atomic_load(&call_state) == CALL_ASLEEP;
}

/* The ways pages become free: a run, small objects, with nobody passing later. */
START_TEST(free_pages_go_back_while_nobody_passes)
{
	static void *blocks[NBLOCKS];

	setup("20");
	ck_assert(!there());
	use_and_free();
	ck_assert(soon(all_clean));
	for (unsigned i = 0; i < NBLOCKS; i++)
		require((blocks[i] = kmem_malloc(1000)));
	for (unsigned i = 0; i < NBLOCKS; i++)
		kmem_free(blocks[i]);
	ck_assert_uint_gt(dirty(), 1000);
	ck_assert(soon(all_clean));
	ck_assert(there());
}
END_TEST

START_TEST(nothing_goes_before_its_time)
{
	setup("100000");
	use_and_free();
	unit_sleep_ms(100);
	ck_assert_uint_ge(dirty(), NBYTES / PAGE_BYTES);
	ck_assert_int_eq(kmem_option_set("decay_ms", "20"), 0);
	ck_assert(soon(all_clean)); /* at once: it does not first end its rest */
}
END_TEST

START_TEST(none_is_made_while_nothing_is_freed)
{
	setup("20");
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(kmem_malloc(10000));
	unit_sleep_ms(50);
	ck_assert(!there());
}
END_TEST

START_TEST(without_the_option_there_is_none)
{
	ck_assert_int_eq(kmem_option_set("decay_ms", "20"), 0);
	use_and_free();
	unit_sleep_ms(200);
	ck_assert(!there());
	ck_assert_uint_ge(dirty(), NBYTES / PAGE_BYTES);
}
END_TEST

START_TEST(it_sleeps_without_waking_and_wakes_when_called)
{
	char before[100] = "", after[100] = "";

	setup("20");
	for (int i = 0; i < 3; i++) {
		use_and_free();
		ck_assert(soon(asleep));
		ck_assert_uint_eq(dirty(), 0);
	}
	ck_assert(thread_status("voluntary_ctxt_switches:", before, sizeof(before)));
	unit_sleep_ms(300);
	ck_assert(thread_status("voluntary_ctxt_switches:", after, sizeof(after)));
	ck_assert_str_eq(before, after);
	ck_assert_str_ne(before, "");
}
END_TEST

/* But the C library's own, by which setgid reaches every thread: it must not hang. */
START_TEST(signals_are_not_for_it)
{
	char blocked[100] = "";
	unsigned long long mask;

	setup("20");
	use_and_free();
	ck_assert(soon(there));
	ck_assert(thread_status("SigBlk:", blocked, sizeof(blocked)));
	mask = strtoull(blocked, NULL, 16);
	for (int signal = 1; signal < SIGRTMIN - 2; signal++)
		if (signal != SIGKILL && signal != SIGSTOP && !(mask >> (signal - 1) & 1))
			ck_abort_msg("signal %d is not blocked: %s", signal, blocked);
	ck_assert_int_eq(setgid(getgid()), 0);
}
END_TEST

START_TEST(it_ends_and_begins_by_the_option)
{
	setup("20");
	for (int i = 0; i < 5; i++) {
		use_and_free();
		ck_assert(soon(there));
		if (i % 2)
			ck_assert(soon(asleep));
		ck_assert_int_eq(kmem_option_set("background_thread", "false"), 0);
		ck_assert(soon(gone));
		use_and_free();
		unit_sleep_ms(50);
		ck_assert(!there());
		ck_assert_int_eq(kmem_option_set("background_thread", "true"), 0);
	}
	ck_assert_int_eq(kmem_option_set("background_thread", "perhaps"), -EINVAL);
}
END_TEST

/* The child of a fork has none, and makes its own. */
static void in_child(void)
{
	if (there())
		_exit(10);
	if (UNDER_TSAN)
		return; /* it allows no threads in the child of a process with threads */
	use_and_free();
	if (!soon(all_clean))
		_exit(11);
	if (!there())
		_exit(12);
	if (buddy_check())
		_exit(13);
}

START_TEST(a_child_makes_its_own)
{
	struct last_words words;

	setup("20");
	for (int i = 0; i < 20; i++) {
		use_and_free();
		if (i % 4 == 0)
			ck_assert(soon(asleep));
		words = unit_child(in_child);
		if (words.status)
			ck_abort_msg("child %d: %#x %s", i, (unsigned)words.status, words.text);
	}
	ck_assert(soon(all_clean));
}
END_TEST

static _Atomic bool stop;

static void *be_busy(void *unused)
{
	void *blocks[64] = {NULL};

	for (unsigned i = 0; !stop; i = (i + 7) % 64) {
		kmem_free(blocks[i]);
		blocks[i] = kmem_malloc((size_t)100 << (i % 16));
	}
	for (unsigned i = 0; i < 64; i++)
		kmem_free(blocks[i]);
	return unused;
}

static _Atomic bool advising;

static long slow_madvise(void *addr, size_t nbytes, int advice)
{
	if (advice == MADV_DONTNEED) {
		advising = true;
		unit_sleep_ms(20);
	}
	return sys_real.madvise(addr, nbytes, advice);
}

static bool is_advising(void)
{
	return advising;
}

static size_t free_pages(void)
{
	size_t npages = 0;

	for_each_zone (zone)
		npages += __atomic_load_n(&zone->pub.dirty, __ATOMIC_RELAXED) +
			  __atomic_load_n(&zone->pub.clean, __ATOMIC_RELAXED);
	return npages;
}

static size_t npages_before;

static void check_pages(void)
{
	if (buddy_check() || free_pages() < npages_before)
		_exit(20);
}

START_TEST(what_it_has_in_hand_is_not_lost_to_a_child)
{
	struct sys_table table = sys_real;

	table.madvise = slow_madvise;
	sys_calls = &table;
	setup("100");
	use_and_free();
	npages_before = free_pages();
	ck_assert(soon(is_advising));
	ck_assert_int_eq(unit_child(check_pages).status, 0);
	ck_assert(soon(all_clean));
}
END_TEST

START_TEST(it_works_beside_busy_threads_and_forks)
{
	pthread_t threads[2];

	setup("4");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, be_busy, NULL), 0);
	/* AddressSanitizer's start of a thread holds the loader's lock, which a child would
	 * inherit. */
	ck_assert(soon(there));
	for (int i = 0; i < 10; i++) {
		struct last_words words = unit_child(in_child);

		if (words.status)
			ck_abort_msg("child %d: %#x %s", i, (unsigned)words.status, words.text);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	kmem_trim();
	ck_assert_ptr_null(buddy_check());
}
END_TEST

/* Otherwise the process would wait for it for ever. */
static void end_by_pthread_exit(void)
{
	setup("100000");
	use_and_free();
	if (!soon(there))
		_exit(30);
	pthread_exit(NULL);
}

START_TEST(a_process_ends_with_its_last_other_thread)
{
	if (!UNDER_TSAN) /* it has a thread of its own */
		ck_assert_int_eq(unit_child(end_by_pthread_exit).status, 0);
}
END_TEST

/* exit runs what the program left for it while the thread works. */
static void free_more(void)
{
	for (int i = 0; i < 20; i++)
		use_and_free();
}

static void end_by_exit(void)
{
	atexit(free_more);
	setup("0");
	use_and_free();
	if (!soon(there))
		_exit(31);
	exit(0);
}

START_TEST(it_is_no_matter_at_exit)
{
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(unit_child(end_by_exit).status, 0);
}
END_TEST

/* No addresses for a stack: one line, and who passes does the work. */
static void be_refused(void)
{
	struct rlimit none = {0, 0};
	void *blocks[500];

	use_and_free();
	kmem_free(kmem_malloc(100)); /* makes the thread's record */
	setrlimit(RLIMIT_AS, &none);
	setup("20");
	use_and_free();
	for (int round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 500; i++)
			blocks[i] = kmem_malloc(1000);
		for (unsigned i = 0; i < 500; i++)
			kmem_free(blocks[i]);
		unit_sleep_ms(2);
	}
	if (dirty() > NBYTES / PAGE_BYTES / 2)
		_exit(41);
}

START_TEST(a_refusal_is_reported_once)
{
	struct last_words words;

	if (UNDER_ASAN)
		return; /* it maps memory for a new thread, and dies without */
	words = unit_child(be_refused);
	ck_assert_str_eq(words.text, "libkmem: background_thread: pthread_create fails with error "
				     "11; going on without\n");
	ck_assert_int_eq(words.status, 0);
}
END_TEST

UNIT_MAIN("background", free_pages_go_back_while_nobody_passes, nothing_goes_before_its_time,
	  none_is_made_while_nothing_is_freed, without_the_option_there_is_none,
	  it_sleeps_without_waking_and_wakes_when_called, signals_are_not_for_it,
	  it_ends_and_begins_by_the_option, a_child_makes_its_own,
	  what_it_has_in_hand_is_not_lost_to_a_child, it_works_beside_busy_threads_and_forks,
	  a_process_ends_with_its_last_other_thread, it_is_no_matter_at_exit,
	  a_refusal_is_reported_once)
