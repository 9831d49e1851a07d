// SPDX-License-Identifier: MIT
/*
 * A thread that only frees what another allocates must not grow the process: what
 * it frees has to travel back. The freeing thread keeps a fixed number of objects
 * and frees a random one for each that arrives, so the live set is steady; resident
 * memory may then not leave its early value by more than a fifth. (At fewer objects than
 * ten million the first twentieth is over before barns have found their bounds.)
 *
 *	free_only [--objects N] [--slack-mib N] [--seed S]
 *	by hand: --objects 100000000 --slack-mib 0
 */
#include "stress.h"

#include <kmem.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define RING 4096u
#define KEPT 20000u

static void *ring[RING];
static _Atomic uint64_t sent, received;
static uint64_t nobjects, seed;
static size_t slack; /* what the barns may come to hold when one thread is kept waiting */

/* Mostly small, some to 32 KiB, a few from the heap. */
static size_t object_size(uint64_t *random)
{
	uint64_t dice = below(random, 1000);

	if (dice < 900)
		return 1 + below(random, 1024);
	if (dice < 998)
		return 1 + below(random, 8192);
	return 1 + below(random, 200000);
}

static void *allocate(void *unused)
{
	uint64_t random = seed | 1;

	for (uint64_t i = 0; i < nobjects; i++) {
		size_t nbytes = object_size(&random);
		char *object = kmem_malloc(nbytes);

		if (!object)
			die("no memory");
		memset(object, 1, nbytes);
		/* acquire: the slot is free; pairs with the release of received */
		while (i - atomic_load_explicit(&received, memory_order_acquire) >= RING)
			sched_yield();
		ring[i % RING] = object;
		atomic_store_explicit(&sent, i + 1, memory_order_release);
	}
	return unused;
}

static void *receive(uint64_t i)
{
	void *object;

	/* acquire: the object; pairs with the release of sent */
	while (atomic_load_explicit(&sent, memory_order_acquire) <= i)
		sched_yield();
	object = ring[i % RING];
	atomic_store_explicit(&received, i + 1, memory_order_release);
	return object;
}

/* Resident memory against its value after the first objects. */
static void compare(uint64_t i, size_t early)
{
	size_t now = resident();

	if (now > early + early / 5 + slack)
		die("resident memory grew from %zu to %zu KiB by object %lu", early >> 10,
		    now >> 10, (unsigned long)i);
}

int main(int argc, char **argv)
{
	static void *kept[KEPT];
	uint64_t random, early_at;
	pthread_t thread;
	size_t early = 0;

	nobjects = option(argc, argv, "--objects", UNDER_SANITIZER ? 300000 : 10000000);
	seed = option(argc, argv, "--seed", default_seed());
	slack = option(argc, argv, "--slack-mib", 16) << 20;
	random = ~seed | 1;
	early_at = nobjects / 20;
	printf("free_only: --objects %lu --seed %lu\n", (unsigned long)nobjects,
	       (unsigned long)seed);
	fflush(stdout);
	if (pthread_create(&thread, NULL, allocate, NULL) != 0)
		die("no thread");
	for (uint64_t i = 0; i < nobjects; i++) {
		void **place = &kept[below(&random, KEPT)];

		kmem_free(*place);
		*place = receive(i);
		if (i == early_at)
			early = resident();
		else if (i > early_at && i % early_at == 0 && !UNDER_SANITIZER)
			compare(i, early);
	}
	pthread_join(thread, NULL);
	printf("resident: %zu KiB after %lu objects, %zu KiB after all\n", early >> 10,
	       (unsigned long)early_at, resident() >> 10);
	for (unsigned i = 0; i < KEPT; i++)
		kmem_free(kept[i]);
	return 0;
}
