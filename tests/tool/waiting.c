/* SPDX-License-Identifier: MIT */
/*
 * Objects and slabs that wait for a grace period which does not end: prints "ready" and waits;
 * SIGHUP: it ends, all is freed, and "told".
 */
#include <kmem.h>
#include <kmem/rcu.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <urcu/flavor.h>

#define NOBJECTS 1000
#define NSTABLE	 64

static atomic_bool ends;

static void synchronize(void)
{
	while (!atomic_load(&ends))
		usleep(1000);
}

static int ongoing(void)
{
	return 0;
}

static void nothing(void)
{
}

static const struct rcu_flavor_struct lasting = {
	.read_ongoing = ongoing,
	.update_synchronize_rcu = synchronize,
	.thread_offline = nothing,
	.thread_online = nothing,
};

static void say(const char *text)
{
	puts(text);
	fflush(stdout);
}

static void make_wait(void)
{
	struct kmem_cache_args args = {.flavor = &lasting};
	struct kmem_cache *deferred = kmem_cache_create("deferred", 100, &args, 0);
	struct kmem_cache *stable = kmem_cache_create("stable", 4096, &args, SLAB_TYPESAFE_BY_RCU);
	void *objects[NSTABLE];

	if (!deferred || !stable)
		_exit(1);
	for (int i = 0; i < NOBJECTS; i++)
		if (kmem_cache_free_rcu(deferred, kmem_cache_alloc(deferred, GFP_KERNEL)))
			_exit(2);
	for (int i = 0; i < NSTABLE; i++)
		objects[i] = kmem_cache_alloc(stable, GFP_KERNEL);
	for (int i = 0; i < NSTABLE; i++)
		kmem_cache_free(stable, objects[i]);
	kmem_cache_shrink(stable);
}

int main(void)
{
	sigset_t signals;
	int sig;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	make_wait();
	say("ready");
	sigwait(&signals, &sig);
	atomic_store(&ends, true);
	if (kmem_rcu_barrier())
		return 3;
	say("told");
	pause();
}
