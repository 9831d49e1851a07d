// SPDX-License-Identifier: MIT
/* The limit of the process holds to the page whoever is at it: many threads, children of fork. */
#include "process_limit.h"

#include "buddy/buddy.h"
#include "buddy/sys.h"

#include <pthread.h>

/* Bytes that the kernel says are resident, summed up by it page by page. */
static size_t resident(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[200];
	size_t kib = 0;

	require(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Rss: %zu kB", &kib) == 1)
			break;
	fclose(file);
	require(kib > 0);
	return kib << 10;
}

#define NTHREADS 4
#define NKEPT	 2000u

static _Atomic bool stop;
static _Atomic size_t nrefused, nserved;

static size_t some_size(uint64_t *random)
{
	static const size_t most[] = {200, 5000, 50000, 500000, 3000000};

	return 1 + below(random, most[below(random, 5)]);
}

/* More than there is, of all sizes, all of it written. */
static void *want_more(void *seed)
{
	uint64_t random = (uintptr_t)seed;
	char *kept[NKEPT] = {NULL};

	while (!stop) {
		size_t i = below(&random, NKEPT), nbytes = some_size(&random);
		char *block;

		if (below(&random, 8)) {
			kmem_free(kept[i]);
			block = kept[i] = kmem_malloc(nbytes);
		} else {
			block = kmem_realloc(kept[i], nbytes);
			kept[i] = block ? block : kept[i];
		}
		if (block)
			memset(block, 1, nbytes);
		nserved += block != NULL;
		nrefused += block == NULL;
	}
	for (size_t i = 0; i < NKEPT; i++)
		kmem_free(kept[i]);
	return NULL;
}

/* Neither what is counted nor what is resident ever passes it, seen from outside at any time. */
START_TEST(holds_to_the_page_in_many_threads)
{
	size_t limit = 48 * MIB, before = resident(), most = 0;
	pthread_t threads[NTHREADS];

	ck_assert_int_eq(kmem_limit_set(limit), 0);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, want_more, (void *)(i + unit_next() * 8 + 1));
	for (int i = 0; i < (UNDER_TSAN || UNDER_ASAN ? 50 : 300); i++) {
		size_t now = resident();

		require_within();
		most = now > most ? now : most;
		unit_sleep_ms(5);
	}
	stop = true;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_gt(nrefused, 100);
	ck_assert_uint_gt(nserved, 1000);
	ck_assert_ptr_null(buddy_check());
	/* Sanitizers have memory of their own for each byte. The threads' stacks are the program's.
	 */
	if (!UNDER_TSAN && !UNDER_ASAN)
		ck_assert_msg(most <= before + limit + NTHREADS * 64 * 1024,
			      "%zu KiB resident, %zu before", most >> 10, before >> 10);
	kmem_trim();
	ck_assert_uint_lt(kmem_limit_usage(), limit / 3);
}
END_TEST

static void use_as_child(void)
{
	require_within();
	if (fill(1000) < 8 * MIB || kmem_limit_refusals() == 0)
		_exit(1);
	empty();
	if (fill(100000) < 8 * MIB)
		_exit(2);
}

START_TEST(a_child_has_the_same_limit)
{
	pthread_t threads[NTHREADS];

	limit_to(64 * MIB);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, want_more, (void *)(i + 1));
	while (nrefused < 20)
		unit_sleep_ms(1);
	for (int i = 0; i < 5; i++) {
		struct last_words words = unit_child(require_within);

		ck_assert_msg(words.status == 0, "%s", words.text);
	}
	stop = true;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	kmem_trim();
	ck_assert_int_eq(unit_child(use_as_child).status, 0);
}
END_TEST

static _Atomic bool held_up, go_on;

/* A call that fork finds under way. */
static void hold_up(size_t nbytes)
{
	if (nbytes < 40 * MIB)
		return;
	held_up = true;
	while (!go_on)
		unit_sleep_ms(1);
}

static long late_mmap(void *addr, size_t nbytes, int prot, int flags)
{
	hold_up(nbytes);
	return sys_real.mmap(addr, nbytes, prot, flags);
}

static long late_munmap(void *addr, size_t nbytes)
{
	hold_up(nbytes);
	return sys_real.munmap(addr, nbytes);
}

static long late_mremap(void *addr, size_t old_nbytes, size_t nbytes, int flags, void *to)
{
	hold_up(nbytes);
	return sys_real.mremap(addr, old_nbytes, nbytes, flags, to);
}

static char *held_block;

static void *map_late(void *unused)
{
	held_block = kmem_malloc(100 * MIB);
	return unused;
}

static void *grow_late(void *unused)
{
	held_block = kmem_realloc(held_block, 200 * MIB);
	return unused;
}

static void *shrink_late(void *unused)
{
	held_block = kmem_realloc(held_block, 50 * MIB);
	return unused;
}

static void *unmap_late(void *unused)
{
	kmem_free(held_block);
	return unused;
}

static size_t child_most;

static void map_in_child(void)
{
	if (kmem_limit_usage() > child_most)
		_exit(1);
	kmem_limit_set(child_most + 101 * MIB);
	if (!kmem_malloc(100 * MIB))
		_exit(2);
}

/* What is counted for a thread's call that the child never sees is not counted there. */
START_TEST(a_child_counts_no_call_under_way)
{
	static const struct {
		void *(*call)(void *unused);
		size_t left; /* in the child */
	} calls[] = {{map_late, 0}, {grow_late, 100}, {shrink_late, 50}, {unmap_late, 0}};
	struct sys_table late = sys_real;
	pthread_t thread;
	size_t before;

	late.mmap = late_mmap;
	late.munmap = late_munmap;
	late.mremap = late_mremap;
	kmem_free(kmem_malloc(100));
	before = kmem_limit_usage() + MIB;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		held_up = go_on = false;
		sys_calls = &late;
		pthread_create(&thread, NULL, calls[i].call, NULL);
		while (!held_up)
			unit_sleep_ms(1);
		sys_calls = &sys_real;
		child_most = before + calls[i].left * MIB;
		ck_assert_msg(unit_child(map_in_child).status == 0, "call %zu", i);
		go_on = true;
		pthread_join(thread, NULL);
	}
	ck_assert_uint_lt(kmem_limit_usage(), before);
}
END_TEST

UNIT_MAIN("process_limit_threads", holds_to_the_page_in_many_threads, a_child_has_the_same_limit,
	  a_child_counts_no_call_under_way)
