// SPDX-License-Identifier: MIT
/* Requests that are made to fail: of many threads, from the environment, in each way to ask. */
#include "failslab_fixture.h"

#include <pthread.h>

#define NTHREADS   4u
#define PER_THREAD 5000u

static void report_some(void)
{
	struct kmem_fault fault = {.ppm = ALL, .seed = 5};

	kmem_fault_set(&fault);
	failures_in(100); /* one line */
	fault.verbose = 1;
	kmem_fault_set(&fault);
	failures_in(2); /* each */
}

START_TEST(failures_are_told)
{
	struct last_words words;
	unsigned nlines = 0, nstacks = 0;

	create();
	words = unit_child(report_some);
	ck_assert_int_eq(words.status, 0);
	for (char *at = words.text; (at = strstr(at, "injected failure")); at++)
		nlines++;
	for (char *at = words.text; (at = strstr(at, "Call Trace:\n\t")); at++)
		nstacks++;
	ck_assert_msg(strncmp(words.text,
			      "libkmem: injected failure 1: 64 bytes of 'faulty' "
			      "(request 1, seed 5)\n",
			      70) == 0,
		      "%s", words.text);
	ck_assert_uint_eq(nlines, 3);
	ck_assert_uint_eq(nstacks, can_see_stacks() ? 2 : 0);
	finish();
}
END_TEST

static void *fail_many(void *failed)
{
	unsigned long nfailed = 0;

	for (unsigned i = 0; i < PER_THREAD; i++)
		nfailed += fails();
	*(unsigned long *)failed = nfailed;
	return NULL;
}

START_TEST(many_threads)
{
	pthread_t threads[NTHREADS];
	unsigned long nfailed[NTHREADS], sum = 0;

	create();
	set((struct kmem_fault){.ppm = ALL, .interval = 5, .times = 1000});
	for (unsigned i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fail_many, &nfailed[i]), 0);
	for (unsigned i = 0; i < NTHREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += nfailed[i];
	}
	ck_assert_uint_eq(sum, 1000);
	ck_assert_uint_eq(kmem_fault_count(), 1000);
	/* In the midst of changes. */
	for (unsigned i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fail_many, &nfailed[i]), 0);
	for (unsigned i = 0; i < 200; i++)
		set((struct kmem_fault){.ppm = i * 1000, .seed = i, .object = "libthrough"});
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	finish();
}
END_TEST

/* All ways to ask for something, each with the answer that there is none. */
static void ask_for_everything(void)
{
	struct kmem_cache *any = kmem_cache_create("any", 200, NULL, 0);
	void *objects[8];

	_Static_assert(8 * 125 == 1000, "a thousand requests");
	for (unsigned i = 0; i < 125; i++) {
		require_errno(ENOMEM, kmem_malloc(i * 100));
		require_errno(ENOMEM, kmem_malloc(40000 + i * 50000));
		require_errno(ENOMEM, kmem_calloc(i, 1000));
		require_errno(ENOMEM, kmem_aligned_alloc(8192, 100 + i));
		require_errno(ENOMEM, kmem_realloc(NULL, 10 + i * 1000));
		require_errno(ENOMEM, kmem_kmalloc(10 + i * 1000, GFP_KERNEL));
		require_errno(ENOMEM, kmem_cache_zalloc(any, GFP_KERNEL));
		require(!kmem_cache_alloc_bulk(any, GFP_KERNEL, 8, objects));
	}
	require_errno(ENOMEM, kmem_mempool_create_kmalloc(3, 100));
	require_errno(ENOMEM, kmem_cache_prefill_sheaf(any, GFP_KERNEL, 10));
	require(kmem_fault_count() >= 1000);
	require(kmem_cache_destroy(any) == 0);
}

/* A block stays what it is if it cannot be had larger. */
static void resize_in_vain(void)
{
	struct kmem_fault fault = {.ppm = ALL, .verbose = -1};
	char *small, *large;

	kmem_fault_set(NULL);
	small = kmem_malloc(100);
	large = kmem_malloc(200000);
	memset(small, 1, 100);
	memset(large, 2, 200000);
	kmem_fault_set(&fault);
	require_errno(ENOMEM, kmem_realloc(small, 1000));
	require_errno(ENOMEM, kmem_realloc(large, 1000000));
	require_errno(ENOMEM, kmem_krealloc(small, 5000, GFP_KERNEL));
	require(kmem_realloc(large, 100) == large); /* to less is no failure */
	for (unsigned i = 0; i < 100; i++)
		require(small[i] == 1 && large[i * 1999] == 2);
	kmem_free(small);
	kmem_free(large);
}

/* In a process of its own, to which all is said by its environment. */
static int begin(const char *what)
{
	if (strcmp(what, "everything") == 0)
		ask_for_everything();
	else if (strcmp(what, "resize") == 0)
		resize_in_vain();
	else if (strcmp(what, "one") == 0)
		return !!kmem_cache_alloc(kmem_cache_create("one", 8, NULL, 0), GFP_KERNEL);
	else
		return 2;
	return 0;
}

static const char *what, *options, *debug;

static void execute(void)
{
	setenv("KMEM_OPTIONS", options, 1);
	setenv("KMEM_DEBUG", debug, 1);
	execl("/proc/self/exe", "test_failslab_ways", what, NULL);
	_exit(3);
}

/* The exit status of begin(what) in such an environment. */
static int status_of(const char *name, const char *with_options, const char *with_debug)
{
	struct last_words words;

	what = name;
	options = with_options;
	debug = with_debug;
	words = unit_child(execute);
	ck_assert_msg(WIFEXITED(words.status), "%s: %s", name, words.text);
	return WEXITSTATUS(words.status);
}

START_TEST(from_the_environment)
{
	/* 0: it failed, as it was to. */
	ck_assert_int_eq(status_of("one", "failslab:probability=100", "A"), 0);
	ck_assert_int_eq(status_of("one", "failslab:probability=100", "A,on*"), 0);
	ck_assert_int_eq(status_of("one", "failslab:probability=100/all=1", "-"), 0);
	ck_assert_int_eq(status_of("one", "failslab:probability=100", "A,other"), 1);
	ck_assert_int_eq(status_of("one", "failslab:probability=100", "-"), 1);
	ck_assert_int_eq(status_of("one", "failslab:probability=100/interval=2", "A"), 1);
	ck_assert_int_eq(status_of("one", "decay_ms:100", "A"), 1);
}
END_TEST

START_TEST(a_thousand_failures)
{
	ck_assert_int_eq(status_of("everything", "failslab:probability=100/verbose=-1", "A"), 0);
	ck_assert_int_eq(status_of("everything", "failslab:probability=100/all=1/verbose=-1", "-"),
			 0);
	ck_assert_int_eq(
		status_of("everything", "annotate:true,failslab:probability=100/verbose=-1", "A"),
		0);
	ck_assert_int_eq(status_of("resize", "decay_ms:100", "A,malloc-*"), 0);
	ck_assert_int_eq(status_of("resize", "decay_ms:100", "FZPUA"), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const tests[] = {failures_are_told, many_threads, from_the_environment,
				      a_thousand_failures};

	return argc > 1 ? begin(argv[1])
			: unit_run("failslab_ways", tests, sizeof(tests) / sizeof(tests[0]));
}
