// SPDX-License-Identifier: MIT
/* Debugged and hardened caches and threads: many, past their end, freeing one object, forking. */
#include "debug_fixture.h"

#include <pthread.h>

#define NTHREADS 4u
#define FEW	 20u /* each report takes some ten milliseconds */

static void *objects[100];
static void *_Atomic passed[64];
static pthread_barrier_t barrier;
static _Atomic bool stop;

static void make_hardened(void)
{
	ck_assert_int_eq(kmem_option_set("hardened", "true"), 0);
	make(64, 0);
	ck_assert(cache->hardened);
}

static void drained(void)
{
	kmem_cache_shrink(cache);
	finish();
}

/* Objects go from thread to thread; each is written to by who has it. */
static void pass_one(uint64_t *random)
{
	unsigned char *object = get(), *other;

	memset(object, (int)next_random(random) | 1, 64);
	other = atomic_exchange(&passed[below(random, 64)], object);
	if (other) {
		require(other[0] && other[0] == other[63]);
		put(other);
	}
}

static void *pass_on(void *seed)
{
	uint64_t random = (uintptr_t)seed;

	for (unsigned i = 0; i < 4000; i++)
		pass_one(&random);
	return NULL;
}

static void *pass_on_until_told(void *seed)
{
	uint64_t random = (uintptr_t)seed;

	while (!stop)
		pass_one(&random);
	return NULL;
}

static void start(pthread_t *threads, void *(*act)(void *))
{
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, act, (void *)(unit_next() | 1));
}

static void join(pthread_t *threads)
{
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
}

static void put_passed(void)
{
	sound();
	for (unsigned i = 0; i < 64; i++)
		if (passed[i])
			put(atomic_exchange(&passed[i], NULL));
	drained();
}

START_TEST(objects_pass_between_threads)
{
	pthread_t threads[NTHREADS];

	listen();
	make(64, FZPU);
	start(threads, pass_on);
	join(threads);
	put_passed();
	make_hardened();
	start(threads, pass_on);
	join(threads);
	put_passed();
	ck_assert_str_eq(heard(), "");
}
END_TEST

static pthread_key_t late;

/* Its turn comes again and again, also when the thread's record is gone. */
static void at_the_end(void *last)
{
	void *object = get();

	memset(object, 1, 64);
	put(object);
	put(*(void **)last);
	*(void **)last = get();
	pthread_setspecific(late, last);
}

static void *end_late(void *last)
{
	*(void **)last = get();
	pthread_setspecific(late, last);
	return NULL;
}

static void end_a_thread(void)
{
	pthread_t thread;
	void *last;

	pthread_create(&thread, NULL, end_late, &last);
	pthread_join(thread, NULL);
	put(last);
	drained();
}

START_TEST(past_a_threads_end)
{
	if (UNDER_TSAN) /* for it the thread has ended by then, and nothing after that is joined */
		return;
	ck_assert_int_eq(pthread_key_create(&late, at_the_end), 0);
	listen();
	make(64, FZPU);
	end_a_thread();
	make_hardened();
	end_a_thread();
	ck_assert_str_eq(heard(), "");
}
END_TEST

static void *free_all(void *unused)
{
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < FEW; i++)
		put(objects[i]);
	(void)unused;
	return NULL;
}

/* Each object by four threads at once: one of them may, three are told. */
static void free_at_once(const char *words)
{
	pthread_t threads[NTHREADS];

	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, FEW, objects), FEW);
	pthread_barrier_init(&barrier, NULL, NTHREADS);
	listen();
	start(threads, free_all);
	join(threads);
	ck_assert_uint_gt(unit_count(heard(), words), 0);
	drained();
}

START_TEST(freed_by_all_at_once)
{
	kmem_option_set("on_error", "continue");
	/* A report shows the bytes of what another thread frees, which a race detector sees. */
	if (!UNDER_TSAN) {
		make(64, SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE);
		free_at_once("Object already free");
	}
	make_hardened();
	free_at_once("double free");
}
END_TEST

static void go_on_alone(void)
{
	for (unsigned i = 0; i < 100; i++)
		memset(objects[i] = get(), 1, 64);
	sound();
	kmem_cache_free_bulk(cache, 100, objects);
	sound();
}

static void fork_meanwhile(void)
{
	pthread_t threads[NTHREADS];

	stop = false;
	start(threads, pass_on_until_told);
	for (unsigned i = 0; i < 15; i++) {
		struct last_words words = unit_child(go_on_alone);

		if (words.status || words.text[0])
			ck_abort_msg("child: status %#x\n%s", (unsigned)words.status, words.text);
	}
	stop = true;
	join(threads);
	put_passed();
}

START_TEST(forks)
{
	make(64, FZPU);
	fork_meanwhile();
	make_hardened();
	fork_meanwhile();
}
END_TEST

/* What vanished threads had in hand is nobody's; what they had allocated is live. */
static void destroy_alone(void)
{
	for (unsigned i = 0; i < 64; i++)
		if (passed[i])
			put(passed[i]);
	_exit(kmem_cache_destroy(cache) ? 1 : 0);
}

START_TEST(a_child_destroys_what_was_in_use)
{
	pthread_t threads[NTHREADS];

	make(64, FZPU);
	stop = false;
	start(threads, pass_on_until_told);
	for (unsigned i = 0; i < 15; i++) {
		struct last_words words = unit_child(destroy_alone);

		/* Live ones are told, and nothing else is wrong. */
		ck_assert(WIFEXITED(words.status));
		if (words.status == 0)
			ck_assert_str_eq(words.text, "");
		else
			ck_assert_ptr_nonnull(strstr(words.text, "is still live"));
		ck_assert_ptr_null(strstr(words.text, "BUG"));
	}
	stop = true;
	join(threads);
	put_passed();
}
END_TEST

extern char kmem_last_report[];

static void *write_late(void *unused)
{
	unsigned char *object;

	put(object = get());
	object[9] = 1;
	kmem_cache_shrink(cache);
	return unused;
}

/* Without the thread that reports a slab, the slab is lost. */
static void fork_from_report(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		_exit(kmem_cache_destroy(cache) != -EBUSY);
	}
	require(waitpid(child, &status, 0) == child && status == 0);
}

/* Standard error is a pipe that nobody reads: a report stands still in the midst. */
static void report_to_nobody(void)
{
	char line[1000] = "";
	pthread_t thread;
	int ends[2];
	FILE *words;

	alarm(20);
	make(64, FZPU);
	require(pipe2(ends, O_NONBLOCK) == 0);
	while (write(ends[1], "\n", 1) > 0)
		;
	require(fcntl(ends[1], F_SETFL, 0) == 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	require(pthread_create(&thread, NULL, write_late, NULL) == 0);
	while (!__atomic_load_n(&kmem_last_report[0], __ATOMIC_RELAXED))
		unit_sleep_ms(1);
	require(kmem_cache_destroy(kmem_cache_create("another", 64, 0, 0, NULL)) == 0);
	kmem_trim();
	fork_from_report();
	require(fcntl(ends[0], F_SETFL, 0) == 0 && (words = fdopen(ends[0], "r")));
	while (!strstr(line, "FIX debugged: Restoring"))
		require(fgets(line, sizeof(line), words));
	pthread_join(thread, NULL);
	require(kmem_cache_destroy(cache) == 0);
}

START_TEST(nobody_waits_for_a_report)
{
	struct last_words words = unit_child(report_to_nobody);

	ck_assert_msg(words.status == 0, "%#x %s", (unsigned)words.status, words.text);
}
END_TEST

UNIT_MAIN("debug_threads", objects_pass_between_threads, past_a_threads_end, freed_by_all_at_once,
	  forks, a_child_destroys_what_was_in_use, nobody_waits_for_a_report)
