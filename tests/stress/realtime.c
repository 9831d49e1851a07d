// SPDX-License-Identifier: MIT
/*
 * A real-time thread that allocates and frees with GFP_NOWAIT on a prefaulted cache,
 * while eight threads hammer the same cache and exchange objects with it: any system
 * call in it is trapped, each operation's time is measured, and then malloc's in the
 * same loop (without the trap). Objects carry a pattern, and the cache must be empty
 * in the end.
 *
 *	realtime [--operations N] [--threads N] [--seconds S] [--seed S]
 *	by hand: --operations 10000000
 *
 * The thread sleeps between short batches, so that it starves nobody.
 */
#include "stress.h"

#include "slab/cache.h"
#include "tests/no_calls.h"

#include <errno.h>
#include <kmem.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define SIZE	256u
#define WINDOW	1024u /* objects the real-time thread has at most */
#define HELD	200u  /* and a hammering one */
#define MAILBOX 256u  /* where they exchange them */
#define BATCH	500u  /* operations between two rests … */
#define REST_US 200u  /* … of so long */
#define OBJECTS 20000u

struct object {
	uintptr_t self, tag;
	unsigned char rest[SIZE - 2 * sizeof(uintptr_t)];
};

/* What is measured: the cache, or malloc. */
struct subject {
	const char *name;
	void *(*alloc)(bool may_wait);
	void (*free)(void *object);
	bool trapped; /* the real-time thread may make no call */
};

static struct kmem_cache *cache;
static const struct subject *subject;
static _Atomic(struct object *) mailbox[MAILBOX];
static unsigned nthreads;
static uint64_t noperations, duration_ms, seed;
static _Atomic bool hammering, ready, stop, finished;
static _Atomic int forbidden = -1; /* the number of the system call that was trapped */

/* The times, by their highest bit and the five that follow. */
#define STEPS 32u
static uint64_t histogram[64 * STEPS];
static uint64_t worst, nmeasured, nnull;
static bool fifo, trapped;
static double ns_per_tick;

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	unsigned aux;

	return __builtin_ia32_rdtscp(&aux);
#else
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* of the vDSO */
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void calibrate(void)
{
	double start_ns = now_ns();
	uint64_t start = ticks();

	usleep(50000);
	ns_per_tick = (now_ns() - start_ns) / (double)(ticks() - start);
}

static unsigned place(uint64_t time)
{
	unsigned high = 63 - (unsigned)__builtin_clzll(time | STEPS), shift = high - 5;

	return shift * STEPS + (unsigned)(time >> shift);
}

/* The time at the upper end of a place. */
static double place_ns(unsigned i)
{
	unsigned shift = i / STEPS ? i / STEPS - 1 : 0;

	return (double)((uint64_t)(i - shift * STEPS + 1) << shift) * ns_per_tick;
}

static void measured(uint64_t time)
{
	histogram[place(time)]++;
	nmeasured++;
	if (time > worst)
		worst = time;
}

static double percentile_ns(double share)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < 64 * STEPS; i++) {
		below += histogram[i];
		if ((double)below >= share * (double)nmeasured)
			return place_ns(i);
	}
	return 0;
}

static void *cache_alloc(bool may_wait)
{
	return kmem_cache_alloc(cache, may_wait ? GFP_KERNEL : GFP_NOWAIT);
}

static void cache_free(void *object)
{
	kmem_cache_free(cache, object);
}

static void *malloc_alloc(bool may_wait)
{
	(void)may_wait;
	return malloc(sizeof(struct object));
}

/* Nobody but one has it: its words say so until it is freed. */
static void mark(struct object *object, uintptr_t tag)
{
	object->self = (uintptr_t)object;
	object->tag = tag;
	memset(object->rest, (int)tag, sizeof(object->rest));
}

static void check(struct object *object)
{
	bool right = object->self == (uintptr_t)object;

	for (size_t i = 0; i < sizeof(object->rest); i += 40)
		right &= object->rest[i] == (unsigned char)object->tag;
	if (!right)
		die("object %p was written to by another", (void *)object);
	object->self = 0;
}

static void release(struct object *object)
{
	check(object);
	subject->free(object);
}

/* Leave the object, if any, for another thread, and have what that one left. */
static struct object *exchange(struct object *object, uint64_t *random)
{
	/* both: what it carries; pairs with itself */
	return atomic_exchange_explicit(&mailbox[below(random, MAILBOX)], object,
					memory_order_acq_rel);
}

static void *hammer(void *arg)
{
	uint64_t random = seed * (uintptr_t)arg | 1;
	struct object *held[HELD] = {NULL};

	while (atomic_load_explicit(&hammering, memory_order_relaxed))
		for (unsigned i = 0; i < 1000; i++) {
			struct object **any = &held[below(&random, HELD)];

			if (*any && i % 8 == 0) {
				*any = exchange(*any, &random);
			} else if (*any) {
				release(*any);
				*any = NULL;
			} else {
				*any = subject->alloc(true);
				if (!*any)
					die("no memory");
				mark(*any, (uintptr_t)arg);
			}
		}
	for (unsigned i = 0; i < HELD; i++)
		if (held[i])
			release(held[i]);
	return NULL;
}

/* Allocate or free, as comes, and measure it; now and then have another's instead. */
static void operate(struct object **any, uint64_t *random)
{
	uint64_t start;

	if (*any && below(random, 8) == 0) {
		*any = exchange(*any, random);
	} else if (*any) {
		check(*any);
		start = ticks();
		subject->free(*any);
		measured(ticks() - start);
		*any = NULL;
	} else {
		start = ticks();
		*any = subject->alloc(false);
		measured(ticks() - start);
		if (*any)
			mark(*any, 255);
		else
			nnull++;
	}
}

/* All places of the window, or half of them, at once: bursts that empty and fill sheaves. */
static void burst(struct object **window, uint64_t *random)
{
	unsigned n = (unsigned)below(random, BATCH);

	for (unsigned i = 0; i < n; i++)
		operate(&window[i], random);
	for (unsigned i = n; i < BATCH; i++)
		operate(&window[below(random, WINDOW)], random);
}

/* Its end would be full of calls. */
static _Noreturn void rest_forever(void)
{
	for (;;)
		no_calls_sleep(1000000);
}

static void trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	atomic_store(&forbidden, info->si_syscall);
	rest_forever();
}

static void prepare(void)
{
	struct sched_param param = {.sched_priority = 10};

	fifo = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
	if (subject->trapped && kmem_cache_prealloc(cache, OBJECTS) != 0)
		die("prealloc: no memory");
	trapped = subject->trapped && !UNDER_SANITIZER && no_calls_begin(SECCOMP_RET_TRAP);
}

static void *realtime(void *unused)
{
	static struct object *window[WINDOW];
	uint64_t random = seed ^ 0x5eed;

	(void)unused;
	memset(window, 0, sizeof(window));
	memset(histogram, 0, sizeof(histogram));
	worst = nmeasured = nnull = 0;
	prepare();
	atomic_store(&ready, true);
	while (!atomic_load_explicit(&hammering, memory_order_relaxed))
		no_calls_sleep(REST_US);
	while (noperations ? nmeasured < noperations
			   : !atomic_load_explicit(&stop, memory_order_relaxed)) {
		burst(window, &random);
		no_calls_sleep(REST_US);
	}
	for (unsigned i = 0; i < WINDOW; i++)
		if (window[i])
			release(window[i]);
	atomic_store(&finished, true);
	rest_forever();
}

/* Until it is so, or the time is over. */
static void wait_for(const _Atomic bool *what, uint64_t most_ms)
{
	uint64_t end_ms = now_ms() + most_ms;

	while (!atomic_load(what) && now_ms() < end_ms) {
		usleep(5000);
		if (atomic_load(&forbidden) >= 0)
			die("system call %d in the real-time thread", atomic_load(&forbidden));
	}
}

static void report_times(void)
{
	printf("%-6s %9lu operations: worst %8.0f ns, 99.99%% %6.0f ns, median %4.0f ns; %lu NULL "
	       "(%s, %s)\n",
	       subject->name, (unsigned long)nmeasured, (double)worst * ns_per_tick,
	       percentile_ns(0.9999), percentile_ns(0.5), (unsigned long)nnull,
	       fifo ? "SCHED_FIFO" : "SCHED_FIFO is not allowed",
	       trapped ? "no system call" : "system calls not looked at");
	fflush(stdout);
}

static void start(pthread_t *thread, void *(*work)(void *), uintptr_t number)
{
	if (pthread_create(thread, NULL, work, (void *)number) != 0)
		die("no thread %lu", (unsigned long)number);
}

static void measure(const struct subject *which)
{
	pthread_t *threads = calloc(nthreads, sizeof(*threads)), fast;

	subject = which;
	ready = hammering = stop = finished = false;
	start(&fast, realtime, 0);
	wait_for(&ready, UINT32_MAX);
	atomic_store(&hammering, true);
	for (unsigned i = 0; i < nthreads; i++)
		start(&threads[i], hammer, i + 1);
	wait_for(&finished, noperations ? UINT32_MAX : duration_ms);
	atomic_store(&stop, true);
	wait_for(&finished, UINT32_MAX);
	atomic_store(&hammering, false);
	for (unsigned i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < MAILBOX; i++) {
		struct object *object = atomic_exchange(&mailbox[i], NULL);

		if (object)
			release(object);
	}
	free(threads);
	report_times();
}

int main(int argc, char **argv)
{
	static const struct subject subjects[] = {{"cache", cache_alloc, cache_free, true},
						  {"malloc", malloc_alloc, free, false}};
	struct sigaction action = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO};
	const char *wrong;

	noperations = option(argc, argv, "--operations", 0);
	duration_ms = option(argc, argv, "--seconds", 5) * 1000 / 2;
	nthreads = (unsigned)option(argc, argv, "--threads", 8);
	seed = option(argc, argv, "--seed", default_seed());
	printf("realtime: --operations %lu --threads %u --seed %lu\n", (unsigned long)noperations,
	       nthreads, (unsigned long)seed);
	fflush(stdout);
	calibrate();
	sigaction(SIGSYS, &action, NULL);
	cache = kmem_cache_create("realtime", SIZE, 0, SLAB_NOWAIT, NULL);
	if (!cache)
		die("no cache: errno %d", errno);
	measure(&subjects[0]);
	wrong = cache_check(cache);
	if (wrong)
		die("%s", wrong);
	if (kmem_cache_destroy(cache) != 0)
		die("objects leaked");
	measure(&subjects[1]);
	return 0;
}
