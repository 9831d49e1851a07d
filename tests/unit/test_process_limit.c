// SPDX-License-Identifier: MIT
/*
 * The limit of the process: what counts, what is refused and said, what is given back before,
 * and that it holds to the page whoever is at it.
 */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "buddy/limit.h"
#include "buddy/meta.h"
#include "slab/cache.h"
#include "slab/thread.h"

#include <kmem.h>
#include <pthread.h>

#define MIB	((size_t)1 << 20)
#define NBLOCKS 400000u

static void *blocks[NBLOCKS];
static size_t nblocks;

/* So much more than is in use now. */
static void limit_to(size_t more)
{
	ck_assert_int_eq(kmem_limit_set(kmem_limit_usage() + more), 0);
}

static void require_within(void)
{
	require(kmem_limit_usage() <= kmem_limit_get());
}

/* Blocks of a size until there are no more; how many bytes. */
static size_t fill(size_t nbytes)
{
	size_t first = nblocks;
	void *block;

	errno = 0;
	while ((block = kmem_malloc(nbytes))) {
		require(nblocks < NBLOCKS);
		memset(block, 1, nbytes);
		blocks[nblocks++] = block;
		require_within();
	}
	ck_assert_int_eq(errno, ENOMEM);
	return (nblocks - first) * nbytes;
}

static void empty(void)
{
	while (nblocks > 0)
		kmem_free(blocks[--nblocks]);
}

START_TEST(set_and_read)
{
	ck_assert_uint_eq(kmem_limit_get(), 0);
	ck_assert_int_eq(kmem_limit_set(KMEM_LIMIT_MIN - 1), -EINVAL);
	ck_assert_int_eq(kmem_limit_set(KMEM_LIMIT_MIN), 0);
	ck_assert_uint_eq(kmem_limit_get(), KMEM_LIMIT_MIN);
	ck_assert_int_eq(kmem_option_set("limit_bytes", "64M"), 0);
	ck_assert_uint_eq(kmem_limit_get(), 64 * MIB);
	ck_assert_int_eq(kmem_option_set("limit_bytes", "1M"), -EINVAL);
	ck_assert_int_eq(kmem_option_set("limit_bytes", "much"), -EINVAL);
	ck_assert_uint_eq(kmem_limit_get(), 64 * MIB);
	ck_assert_int_eq(kmem_limit_set(0), 0);
	ck_assert_uint_eq(kmem_limit_get(), 0);
}
END_TEST

/* What is in use, and what lies dirty until it is given back; the same with a limit as without. */
START_TEST(use_is_counted)
{
	for (int limited = 0; limited < 2; limited++) {
		size_t before, mapped;
		char *run, *mapping;

		kmem_limit_set(limited ? 1024 * MIB : 0);
		kmem_free(kmem_malloc(8 * MIB));
		kmem_trim();
		before = kmem_limit_usage();
		run = kmem_malloc(8 * MIB);
		ck_assert_uint_ge(kmem_limit_usage(), before + 8 * MIB);
		ck_assert_uint_lt(kmem_limit_usage(), before + 9 * MIB);
		kmem_free(run);
		ck_assert_uint_ge(kmem_limit_usage(), before + 8 * MIB);
		kmem_trim();
		ck_assert_uint_le(kmem_limit_usage(), before);
		mapping = kmem_malloc(100 * MIB);
		mapped = kmem_limit_usage();
		ck_assert_uint_ge(mapped, before + 100 * MIB);
		ck_assert_uint_lt(mapped, before + 101 * MIB);
		mapping = kmem_realloc(mapping, 40 * MIB);
		ck_assert_uint_eq(kmem_limit_usage(), mapped - 60 * MIB);
		kmem_free(mapping);
		ck_assert_uint_le(kmem_limit_usage(), before);
	}
}
END_TEST

/* Of all sizes as much as there is room for, whatever was there before. */
START_TEST(refuses_and_goes_on)
{
	static const size_t sizes[] = {1000, 20000, 100, 40000, 200000, 1000000, 5000000, 1000};

	limit_to(32 * MIB);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t nbytes = fill(sizes[i]);

		ck_assert_uint_le(nbytes, 32 * MIB);
		ck_assert_msg(nbytes > 24 * MIB, "%zu bytes in blocks of %zu", nbytes, sizes[i]);
		ck_assert_uint_eq(kmem_limit_refusals(), i + 1);
		empty();
	}
	kmem_limit_set(0);
	ck_assert_ptr_nonnull(blocks[0] = kmem_malloc(100 * MIB));
	kmem_free(blocks[0]);
}
END_TEST

/* The heap keeps an empty span, unless it is needed. */
START_TEST(what_a_heap_keeps_can_be_had)
{
	void *run;

	limit_to(32 * MIB);
	fill(40000);
	/* The first span, of full size, is the first to become empty. */
	for (size_t i = 0; i < nblocks; i++)
		kmem_free(blocks[i]);
	run = kmem_malloc(30 * MIB);
	ck_assert_ptr_nonnull(run);
	require_within();
	kmem_free(run);
}
END_TEST

START_TEST(a_run_grows_in_place_as_far_as_it_may)
{
	size_t nbytes = MIB;
	char *run, *grown;

	kmem_free(kmem_malloc(16 * MIB));
	kmem_trim();
	run = kmem_malloc(nbytes);
	kmem_trim();
	limit_to(4 * MIB);
	while ((grown = kmem_realloc(run, nbytes + MIB / 8))) {
		ck_assert_ptr_eq(grown, run);
		nbytes += MIB / 8;
		require_within();
	}
	ck_assert_uint_le(nbytes, 5 * MIB);
	ck_assert_uint_ge(nbytes, 4 * MIB);
	kmem_free(run);
}
END_TEST

/* What they grow by as well; what they shrink by no longer. */
START_TEST(mappings_count)
{
	char *one, *other;

	limit_to(200 * MIB);
	one = kmem_malloc(100 * MIB);
	ck_assert_ptr_nonnull(one);
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	ck_assert_uint_eq(kmem_limit_refusals(), 1);
	one = kmem_realloc(one, 180 * MIB);
	ck_assert_ptr_nonnull(one);
	require_within();
	require_errno(ENOMEM, kmem_realloc(one, 220 * MIB));
	require_errno(ENOMEM, kmem_realloc(one, 201 * MIB));
	one = kmem_realloc(one, 70 * MIB);
	other = kmem_malloc(100 * MIB);
	ck_assert_ptr_nonnull(other);
	kmem_free(one);
	kmem_free(other);
	require_within();
}
END_TEST

/* A mapping the system refuses is not counted. */
START_TEST(what_the_system_refuses_is_not_counted)
{
	size_t before;
	char *one = kmem_malloc(100 * MIB);

	limit_to(400 * MIB);
	before = kmem_limit_usage();
	faults_refuse(FAULT_MMAP);
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	faults_refuse(FAULT_MREMAP);
	faults.refused[FAULT_MMAP] = true;
	require_errno(ENOMEM, kmem_realloc(one, 150 * MIB));
	faults_end();
	ck_assert_uint_eq(kmem_limit_usage(), before);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	kmem_free(one);
}
END_TEST

/* Its pages go to a mapping: they are not there twice, so the limit need not hold both. */
START_TEST(a_run_that_moves_counts_once)
{
	unsigned *run = kmem_malloc(20 * MIB), *moved;
	void *behind = kmem_malloc(4 * MIB);
	size_t before;

	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		run[i] = (unsigned)i;
	kmem_trim();
	limit_to(4 * MIB);
	before = kmem_limit_usage();
	moved = kmem_realloc(run, 22 * MIB);
	ck_assert_ptr_nonnull(moved);
	ck_assert_uint_lt(kmem_limit_usage(), before + 3 * MIB);
	require_errno(ENOMEM, kmem_realloc(moved, 30 * MIB));
	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		require(moved[i] == i);
	ck_assert_ptr_null(buddy_check());
	kmem_free(moved);
	kmem_free(behind);
	kmem_trim();
	ck_assert_uint_lt(kmem_limit_usage(), before - 23 * MIB);
}
END_TEST

/* The same, and the system refuses the growth: all as it was. */
START_TEST(a_move_that_fails_counts_nothing)
{
	unsigned *run = kmem_malloc(20 * MIB);
	void *behind = kmem_malloc(4 * MIB);
	size_t before;

	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		run[i] = (unsigned)i;
	limit_to(100 * MIB);
	before = kmem_limit_usage();
	faults_begin(2, ~0ul);
	require_errno(ENOMEM, kmem_realloc(run, 300 * MIB / 4));
	faults_end();
	ck_assert_uint_eq(kmem_limit_usage(), before);
	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		require(run[i] == i);
	kmem_free(run);
	kmem_free(behind);
}
END_TEST

START_TEST(records_count)
{
	static struct kmem_cache *caches[60000];
	unsigned n = 0;

	kmem_free(kmem_malloc(1));
	limit_to(4 * MIB);
	while ((caches[n] = kmem_cache_create("many", 100, 0, SLAB_NOWARN, NULL))) {
		require(++n < 60000);
		require_within();
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_gt(n, 1000);
	/* A record, and a slot and a shelf of this thread. */
	ck_assert_uint_lt(
		n,
		4 * MIB / (sizeof(struct kmem_cache) + sizeof(struct slot) + sizeof(struct shelf)));
	while (n > 0)
		require(kmem_cache_destroy(caches[--n]) == 0);
}
END_TEST

/* Less than is in use: what there is can be used, and freed. */
START_TEST(a_lower_limit_refuses_what_comes)
{
	void *kept = kmem_malloc(30 * MIB);

	memset(kept, 1, 30 * MIB);
	ck_assert_int_eq(kmem_limit_set(20 * MIB), 0);
	require_errno(ENOMEM, kmem_malloc(MIB));
	memset(kept, 2, 30 * MIB);
	kmem_free(kept);
	kept = kmem_malloc(MIB);
	ck_assert_ptr_nonnull(kept);
	kmem_free(kept);
}
END_TEST

static size_t told_nbytes, ntold;

static void tell(size_t nbytes, void *data)
{
	require(data == &ntold);
	told_nbytes = nbytes;
	ntold++;
	/* No lock is held; and what it asks for in vain itself is not told. */
	kmem_trim();
	kmem_free(kmem_malloc(100));
	kmem_limit_notify(tell, &ntold);
	require(kmem_malloc(500 * MIB) == NULL);
}

START_TEST(refusals_are_told)
{
	struct kmem_cache *cache = kmem_cache_create("told", 3 * MIB, 0, 0, NULL);

	limit_to(40 * MIB);
	kmem_limit_notify(tell, &ntold);
	require_errno(ENOMEM, kmem_malloc(44 * MIB));
	ck_assert_uint_eq(ntold, 1);
	ck_assert_uint_eq(told_nbytes, 44 * MIB);
	ck_assert_uint_eq(kmem_limit_refusals(), 2);
	while (kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN))
		;
	ck_assert_uint_eq(ntold, 2);
	ck_assert_uint_eq(told_nbytes, 3 * MIB);
	kmem_limit_notify(NULL, NULL);
	require_errno(ENOMEM, kmem_pages_alloc_exact(50 * MIB, GFP_KERNEL | __GFP_NOWARN));
	ck_assert_uint_eq(ntold, 2);
	ck_assert_uint_eq(kmem_limit_refusals(), 5);
}
END_TEST

static void be_refused(void)
{
	limit_to(8 * MIB);
	for (int i = 0; i < 100; i++) {
		if (kmem_malloc(9 * MIB) || kmem_realloc(NULL, 9 * MIB) ||
		    kmem_pages_alloc(12, GFP_KERNEL | __GFP_NOWARN))
			_exit(1);
	}
	kmem_limit_set(8 * MIB);
	for (int i = 0; i < 100; i++)
		if (kmem_pages_alloc(12, GFP_KERNEL))
			_exit(2);
	unit_sleep_ms(1100);
	if (kmem_pages_alloc(12, GFP_KERNEL))
		_exit(3);
}

START_TEST(one_line_in_a_second)
{
	struct last_words words = unit_child(be_refused);
	const char *line =
		"libkmem: limit_bytes: a request of 16777216 bytes is refused, %zu of 8388608 "
		"are in use\n";
	size_t used = 0, other = 0;

	ck_assert_msg(words.status == 0, "status %#x", (unsigned)words.status);
	ck_assert_msg(sscanf(words.text, line, &used) == 1, "%s", words.text);
	ck_assert_uint_gt(used, LIMIT_OWN);
	ck_assert_ptr_nonnull(strchr(words.text, '\n'));
	ck_assert_msg(sscanf(strchr(words.text, '\n') + 1, line, &other) == 1, "%s", words.text);
	ck_assert_ptr_eq(strchr(strchr(words.text, '\n') + 1, '\n') + 1,
			 words.text + strlen(words.text));
}
END_TEST

static unsigned nscans;

static unsigned long count_blocks(struct kmem_shrinker *shrinker,
				  struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return nblocks;
}

static unsigned long free_blocks(struct kmem_shrinker *shrinker,
				 struct kmem_shrink_control *control)
{
	(void)shrinker;
	nscans++;
	for (unsigned long i = 0; i < control->nr_to_scan && nblocks > 0; i++)
		kmem_free(blocks[--nblocks]);
	return control->nr_to_scan;
}

/* A program that can do without goes on for ever; one that asks for too much asks nobody. */
START_TEST(shrinkers_run_before_a_refusal)
{
	struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "blocks");

	shrinker->count_objects = count_blocks;
	shrinker->scan_objects = free_blocks;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), 0);
	limit_to(32 * MIB);
	for (int i = 0; i < 20000; i++) {
		void *block = kmem_malloc(10000);

		require(block);
		memset(block, 1, 10000);
		blocks[nblocks++] = block;
		require_within();
	}
	ck_assert_uint_gt(nscans, 4);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	nscans = 0;
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	ck_assert_uint_eq(nscans, 0);
	ck_assert_uint_eq(kmem_limit_refusals(), 1);
	kmem_shrinker_free(shrinker);
	empty();
}
END_TEST

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

static bool handler_asks;
static unsigned nasked, ncalled;

static void count_call(size_t nbytes, void *data)
{
	(void)nbytes;
	(void)data;
	require(!handler_asks);
	ncalled++;
}

static void be_refused_in_fork(void)
{
	if (!handler_asks)
		return;
	require(lock_is_ours());
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	nasked++;
}

/* Before the library's own handlers, so that in a fork it comes after them. */
static __attribute__((constructor(101))) void register_early(void)
{
	pthread_atfork(be_refused_in_fork, NULL, NULL);
}

/* All locks are held there: a refusal is counted, and not told. */
START_TEST(fork_handlers_are_refused_in_silence)
{
	int status = -1;
	pid_t child;

	limit_to(32 * MIB);
	kmem_limit_notify(count_call, NULL);
	handler_asks = true;
	child = fork();
	if (child == 0)
		_exit(0);
	handler_asks = false;
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(nasked, 1);
	ck_assert_uint_eq(kmem_limit_refusals(), 1);
	ck_assert_uint_eq(ncalled, 0);
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	ck_assert_uint_eq(ncalled, 1);
}
END_TEST

/* A cache refuses, by a limit of its own: the process has refused nothing. */
static void require_no_refusal(struct kmem_cache *limited)
{
	require_errno(ENOMEM, kmem_cache_alloc(limited, GFP_KERNEL | __GFP_NOWARN));
	require_errno(ENOMEM, kmem_cache_alloc(limited, GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY));
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
}

START_TEST(less_that_fits_is_no_refusal)
{
	struct kmem_cache *limited =
		kmem_cache_create("limited", 64, &(struct kmem_cache_args){.limit_objects = 1}, 0);
	void *object = kmem_cache_alloc(limited, GFP_KERNEL);
	char *mapping = kmem_malloc(100 * MIB);

	/* An eighth more is refused. */
	limit_to(55 * MIB);
	mapping = kmem_realloc(mapping, 150 * MIB);
	ck_assert_ptr_nonnull(mapping);
	ck_assert(!limit_has_refused());
	require_no_refusal(limited);
	/* Whatever was refused before. */
	ck_assert(!limit_fits(500 * MIB));
	require_no_refusal(limited);
	kmem_free(mapping);
	kmem_cache_free(limited, object);
	kmem_cache_destroy(limited);
}
END_TEST

/* Nor is a record for which fewer pages were made ready than would do for more. */
START_TEST(records_that_fit_are_no_refusal)
{
	void *block = kmem_malloc(20 * MIB), *record;
	unsigned n = 0;

	limit_to(12 * 1024);
	do {
		limit_forget();
		record = meta_alloc(64, 64);
		ck_assert(limit_has_refused() == !record);
		n++;
	} while (record);
	ck_assert_uint_ge(n, 12 * 1024 / 64);
	kmem_free(block);
}
END_TEST

#define NRECORDS 60

static pthread_barrier_t together;

static void *have_record(void *unused)
{
	kmem_free(kmem_malloc(100));
	pthread_barrier_wait(&together);
	pthread_barrier_wait(&together);
	return unused;
}

/* Threads with records, and caches until the next takes more room in each of them. */
static void begin_records(pthread_t *threads, unsigned n)
{
	pthread_barrier_init(&together, NULL, n + 1);
	for (unsigned i = 0; i < n; i++)
		require(pthread_create(&threads[i], NULL, have_record, NULL) == 0);
	pthread_barrier_wait(&together);
	while (cache_ids() < 256)
		require(kmem_cache_create("one", 64, NULL, 0));
}

static void end_records(const pthread_t *threads, unsigned n)
{
	pthread_barrier_wait(&together);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* Not all records can grow: those that did are counted once, however often it is tried. */
START_TEST(records_that_grew_count_once)
{
	pthread_t threads[NRECORDS];
	void *block = kmem_malloc(20 * MIB);
	size_t before;

	begin_records(threads, NRECORDS);
	before = kmem_limit_usage();
	for (int i = 0; i < 12; i++) {
		limit_to(MIB / 4);
		if (kmem_cache_create("more", 64, NULL, SLAB_NOWARN))
			break;
		ck_assert_int_eq(errno, ENOMEM);
	}
	kmem_limit_set(0);
	ck_assert_ptr_nonnull(kmem_cache_create("more", 64, NULL, 0));
	/* 256 more shelves and slots each; and the first records of a new chunk. */
	ck_assert_uint_le(
		kmem_limit_usage(),
		before + (NRECORDS + 1) * 256 * (sizeof(struct shelf) + sizeof(struct slot)) +
			MIB / 4);
	end_records(threads, NRECORDS);
	kmem_free(block);
}
END_TEST

/* What is free and dirty is given back for a cache as for a block. */
START_TEST(a_cache_gets_what_is_free)
{
	pthread_t threads[10];

	ck_assert_int_eq(kmem_option_set("decay_ms", "100000"), 0);
	begin_records(threads, 10);
	limit_to(32 * MIB);
	fill(MIB);
	fill(60000);
	fill(1000);
	empty();
	ck_assert_ptr_nonnull(kmem_cache_create("more", 64, NULL, 0));
	require_within();
	end_records(threads, 10);
}
END_TEST

static void *ask_often(void *unused)
{
	for (int i = 0; i < 100; i++) {
		void *block = kmem_malloc(100);

		require(block);
		kmem_free(block);
	}
	require(thread_known() == NULL);
	return unused;
}

/* A thread that is refused a record makes no calls for one. */
START_TEST(a_refused_record_costs_no_calls)
{
	void *block = kmem_malloc(20 * MIB);
	pthread_t thread;

	/* There are slabs with free objects. */
	for (nblocks = 0; nblocks < 1000; nblocks++)
		blocks[nblocks] = kmem_malloc(100);
	for (size_t i = 0; i < nblocks; i += 2) {
		kmem_free(blocks[i]);
		blocks[i] = NULL;
	}
	kmem_trim();
	limit_to(4096);
	faults_count();
	pthread_create(&thread, NULL, ask_often, NULL);
	pthread_join(thread, NULL);
	faults_end();
	ck_assert_uint_eq(faults.calls[FAULT_MMAP], 0);
	ck_assert_uint_eq(faults.calls[FAULT_MUNMAP], 0);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	empty();
	kmem_free(block);
}
END_TEST

UNIT_MAIN("process_limit", set_and_read, use_is_counted, refuses_and_goes_on,
	  what_a_heap_keeps_can_be_had, a_run_grows_in_place_as_far_as_it_may, mappings_count,
	  what_the_system_refuses_is_not_counted, a_run_that_moves_counts_once,
	  a_move_that_fails_counts_nothing, records_count, a_lower_limit_refuses_what_comes,
	  refusals_are_told, one_line_in_a_second, shrinkers_run_before_a_refusal,
	  holds_to_the_page_in_many_threads, a_child_has_the_same_limit,
	  a_child_counts_no_call_under_way, fork_handlers_are_refused_in_silence,
	  less_that_fits_is_no_refusal, records_that_fit_are_no_refusal,
	  records_that_grew_count_once, a_cache_gets_what_is_free, a_refused_record_costs_no_calls)
