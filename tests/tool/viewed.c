/* SPDX-License-Identifier: MIT */
/*
 * A quiet process with caches of its own for kmemtop to show:
 *
 *	viewed [FILE]
 *
 * prints "ready" and waits; SIGUSR1: 100 more objects of viewed-small; SIGUSR2: the other
 * half of viewed-holes given back as well; SIGHUP: its own figures as JSON into FILE, and
 * "told".
 */
#include <kmem.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define NHOLES 640

static struct kmem_cache *small, *holes;
static void *held[NHOLES];

/* Not inlined, so that stacks tell of it. */
static __attribute__((noinline)) void take_small(int n)
{
	while (n--)
		if (!kmem_cache_alloc(small, GFP_KERNEL))
			_exit(2);
}

static void say(const char *text)
{
	puts(text);
	fflush(stdout);
}

static void tell(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || kmem_stats_print(fd, KMEM_STATS_JSON))
		_exit(3);
	close(fd);
	say("told");
}

static void give_back(int from)
{
	for (int i = from; i < NHOLES; i += 2)
		kmem_cache_free(holes, held[i]);
}

int main(int argc, char **argv)
{
	sigset_t signals;
	int sig;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	small = kmem_cache_create("viewed-small", 40, 0, 0, NULL);
	holes = kmem_cache_create("viewed-holes", 200, 0, SLAB_HWCACHE_ALIGN, NULL);
	take_small(1000);
	for (int i = 0; i < NHOLES; i++)
		held[i] = kmem_cache_alloc(holes, GFP_KERNEL);
	give_back(0);
	kmem_cache_shrink(holes);
	say("ready");
	while (!sigwait(&signals, &sig)) {
		if (sig == SIGUSR1)
			take_small(100);
		else if (sig == SIGUSR2)
			give_back(1);
		else if (argc > 1)
			tell(argv[1]);
	}
	return 0;
}
