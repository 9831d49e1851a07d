/* SPDX-License-Identifier: MIT */
/*
 * pipeline: threads that only allocate (producers=P) feed threads that only free
 * (consumers=C) messages of 100 blocks of 8 to max= bytes, through one queue of at most
 * 64 messages.
 *
 * Stresses: memory that flows one way between threads: an allocator that keeps freed
 * blocks with the thread that freed them grows without bound, one that returns them one
 * by one pays for each. The resident size is bounded by the queue if all is well.
 * Origin: "xmalloc-test" (C. Lever and D. Boreham, USENIX 2000) and the producer-consumer
 * case of Hoard (Berger et al., ASPLOS 2000).
 */
#include "bench.h"

#include <pthread.h>

#define BLOCKS	 100
#define MESSAGES 64

struct message {
	void *block[BLOCKS];
};

static struct message queue[MESSAGES];
static size_t head, tail; /* messages put, messages taken; guarded by lock */
static size_t total;	  /* messages in all */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, drained = PTHREAD_COND_INITIALIZER;

static size_t producers, consumers, most;

static void put(const struct message *message)
{
	pthread_mutex_lock(&lock);
	while (head - tail == MESSAGES)
		pthread_cond_wait(&drained, &lock);
	queue[head++ % MESSAGES] = *message;
	pthread_cond_signal(&filled);
	pthread_mutex_unlock(&lock);
}

/* False once all messages were taken. */
static bool take(struct message *message)
{
	bool more;

	pthread_mutex_lock(&lock);
	while (head == tail && tail < total)
		pthread_cond_wait(&filled, &lock);
	more = tail < total;
	if (more)
		*message = queue[tail++ % MESSAGES];
	if (tail == total)
		pthread_cond_broadcast(&filled);
	pthread_cond_signal(&drained);
	pthread_mutex_unlock(&lock);
	return more;
}

static void *consume(void *unused)
{
	struct message message;

	while (take(&message))
		for (size_t i = 0; i < BLOCKS; i++)
			free_tagged(message.block[i], i);
	return unused;
}

static void *produce(void *index)
{
	uint64_t rng = rng_seed((unsigned)(uintptr_t)index);
	struct message message;

	for (size_t n = (uintptr_t)index; n < total; n += producers) {
		for (size_t i = 0; i < BLOCKS; i++)
			message.block[i] = tagged(rng_between(&rng, 8, most), i);
		put(&message);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long thread[64];

	bench_init(argc, argv);
	producers = bench_number("producers", 1);
	consumers = bench_number("consumers", 1);
	most = bench_number("max", 64);
	total = bench_work(bench_number("count", most > 1000 ? 30000 : 150000));
	bench_start();
	for (size_t i = 0; i < producers + consumers; i++)
		thread[i] = bench_thread(i < producers ? produce : consume, (void *)(uintptr_t)i);
	for (size_t i = 0; i < producers + consumers; i++)
		bench_join(thread[i]);
	bench_stop();
	bench_report("messages=%zu", total);
	return 0;
}
