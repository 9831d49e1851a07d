/* SPDX-License-Identifier: MIT */
/*
 * A stranger for kmemtop to look at: honest, lying, or about to end.
 *
 *	fake_target MODE [number]
 *
 * prints "ready" and pauses (SIGUSR1 doubles the slabs of "alpha"); every lie
 * that a hostile process may tell has a mode. The modes for `kmemtop --
 * COMMAND`, at the end of the file, end by themselves instead.
 */
#include "fake_root.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOWHERE 0x10000 /* below vm.mmap_min_addr, or at least not mapped */

/* --- lies ---------------------------------------------------------------------- */

/* One number of the truth, replaced. */
struct lie {
	const char *mode;
	void *where;
	size_t nbytes;
	uint64_t value;
};

#define LIE(mode, field, value)                                                                    \
	{                                                                                          \
		mode, &(field), sizeof(field), (uint64_t)(value)                                   \
	}

static const struct lie lies[] = {
	LIE("huge-ncaches", fake_root.ncaches, 0xffffffff),
	LIE("huge-ncaches", fake_root.max_caches, 0xffffffff),
	LIE("ncaches-above-max", fake_root.max_caches, 2),
	LIE("small-cache-size", fake_root.cache_size, 8),
	LIE("zero-slot-size", fake_root.slot_size, 0),
	LIE("small-shelf-size", fake_root.shelf_size, 39),
	LIE("huge-slot-size", fake_root.slot_size, 0xfffffff0),
	LIE("small-root", fake_root.size, 16),
	LIE("version", fake_root.version, 7),
	LIE("release", fake_root.release[0], '7'),
	LIE("magic", fake_root.magic[0], 'L'),
	LIE("huge-nslots", threads[0].t.nslots, 0xffffffff),
	LIE("huge-nslabs", caches[2].c.nslabs, 0xffffffff),
	LIE("huge-nslabs", caches[2].c.slab_pages, 0x10000),
	LIE("huge-slab-pages", caches[2].c.slab_pages, 0xffffffff),
	LIE("huge-slab-pages", caches[2].c.nslabs, 0x10000),
	LIE("huge-slab-objects", caches[2].c.slab_objects, 0xffffffff),
	LIE("wrong-id", caches[2].c.id, 3),
	LIE("huge-counters", caches[2].c.taken, ~0ull),
	LIE("huge-counters", caches[2].c.lent, ~0ull >> 1),
	LIE("huge-counters", slots[0][2].s.sp, ~0ull),
	LIE("huge-counters", slots[0][2].s.mask, ~0ull),
	LIE("huge-empty", caches[2].c.nslabs_empty, 0xffffffff),
	LIE("odd-seq", caches[2].c.seq, 5),
	LIE("dangling-table", fake_root.caches, NOWHERE),
	LIE("dangling-cache", table[2], NOWHERE),
	LIE("kernel-cache", table[2], 0xffffffff81000000),
	LIE("last-byte-cache", table[2], ~0ull),
	LIE("dangling-thread", threads[0].t.next, NOWHERE),
	LIE("dangling-slots", threads[1].t.slots, NOWHERE),
	LIE("wrapping-shelves", threads[1].t.shelves, 1),
	LIE("huge-spare", shelves[0][NCACHES - 2].s.lent, ~0ull >> 1),
	LIE("dangling-zone", zones[1].z.next, NOWHERE),
	LIE("huge-zone", zones[1].z.npages, ~0ull),
	LIE("no-threads", fake_root.threads, 0),
	LIE("no-caches", fake_root.ncaches, 0),
};

static int tell_lies(const char *mode)
{
	int told = 0;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		if (strcmp(lies[i].mode, mode))
			continue;
		memcpy(lies[i].where, &lies[i].value, lies[i].nbytes); /* little endian */
		told = 1;
	}
	return told;
}

static void loop_threads(void)
{
	threads[2].t.next = addr_of(&threads[1]);
}

static void loop_zone(void)
{
	zones[0].z.next = addr_of(&zones[0]);
}

static void loop_heaps(void)
{
	heaps[1].h.next = addr_of(&heaps[0]);
}

/* No loop, but more than anyone could want to read: 100,000 threads with a
 * megabyte of slots and shelves each. */
static void endless_threads(void)
{
	const uint32_t n = 100000, ids = 65536;
	struct fake_thread *list = calloc(n, sizeof(*list));
	char *area = mmap(NULL, (size_t)ids * 64, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (uint32_t i = 0; i < n; i++) {
		list[i].t.next = i + 1 < n ? addr_of(&list[i + 1]) : 0;
		list[i].t.slots = addr_of(area);
		list[i].t.shelves = addr_of(area) + (uint64_t)(ids - 1) * sizeof(struct fake_shelf);
		list[i].t.nslots = ids;
	}
	fake_root.max_caches = fake_root.ncaches = ids;
	fake_root.caches = addr_of(calloc(ids, sizeof(uint64_t)));
	fake_root.threads = addr_of(list);
}

/* The same without slots: each costs no more than a call. */
static void many_threads(void)
{
	const uint32_t n = 1 << 20;
	struct fake_thread *list = calloc(n, sizeof(*list));

	for (uint32_t i = 0; i + 1 < n; i++)
		list[i].t.next = addr_of(&list[i + 1]);
	fake_root.threads = addr_of(list);
}

static void set_name(int id, const char *name)
{
	strncpy(caches[id].c.name, name, sizeof(caches[id].c.name) - 1);
}

static void bad_names(void)
{
	set_name(1, "\033]0;owned\007\033[2J\n\r\t\x9b");
	memset(caches[2].c.name, 'x', sizeof(caches[2].c.name)); /* no terminator */
	caches[3].c.name[0] = 0;
	set_name(4, "caf\xc3\xa9\x7f%s%n");
	memcpy(fake_root.release, "\033[31m0.1\033[0m....", 16);
}

static void quoted_names(void)
{
	set_name(1, "a\"b\\c d");
	set_name(2, "# {}=,");
	set_name(3, "Gamma"); /* and one that there is already */
	set_name(4, "Gamma");
}

static void store(uint32_t *where, uint32_t value)
{
	__atomic_store_n(where, value, __ATOMIC_SEQ_CST);
}

/* beta_cache has 128 objects, in 4 slabs or in 8; a torn record has not. */
static void *spin_seq(void *unused)
{
	struct kmem_root_cache *c = &caches[2].c;

	for (uint32_t seq = c->seq;; seq += 2) {
		store(&c->seq, seq + 1);
		store(&c->nslabs, seq & 2 ? 4 : 8);
		store(&c->slab_objects, seq & 2 ? 32 : 16);
		store(&c->seq, seq + 2);
	}
	return unused;
}

static void moving_seq(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, spin_seq, NULL);
}

static void *wait_forever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

/* The first thread leaves, the process stays. */
static void leaderless(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_forever, NULL);
	say_ready();
	pthread_exit(NULL);
}

/* --- modes for kmemtop -- COMMAND ------------------------------------------------- */

static int argument; /* the mode's number, if any */
static char **arguments;

static void plain_exit(void)
{
	exit(argument);
}

static void die_of_signal(void)
{
	kill(getpid(), argument);
}

static void *exit_from_here(void *unused)
{
	usleep(50000);
	exit(argument);
	return unused;
}

static void thread_exits(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_from_here, NULL);
	wait_forever(NULL);
}

/* alpha grows after the first thread has left: the table must know. */
static void *grow_late(void *unused)
{
	usleep(200000);
	caches[1].c.nslabs = 20;
	exit(argument);
	return unused;
}

static void leader_leaves(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, grow_late, NULL);
	pthread_exit(NULL);
}

static void *exec_from_here(void *unused)
{
	usleep(50000);
	execl("/proc/self/exe", arguments[0], "exit", arguments[2], (char *)NULL);
	return unused;
}

static void thread_execs(void)
{
	pthread_t thread;

	caches[1].c.nslabs = 20; /* the table must be that of the new program */
	pthread_create(&thread, NULL, exec_from_here, NULL);
	wait_forever(NULL);
}

/* Stops like after a ^Z, and ends well if it was woken by SIGCONT. */
static void stop_once(void)
{
	raise(SIGSTOP);
	exit(argument);
}

/* Many threads come and go, and some still run at the end. */
static void crowd(void)
{
	pthread_t thread;

	for (int i = 0; i < 40; i++)
		pthread_create(&thread, NULL, i % 2 ? wait_forever : exit_from_here, NULL);
	wait_forever(NULL);
}

/* A forked child outlives its parent and must not be waited for. */
static void leave_child(void)
{
	if (!fork()) {
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		sleep(15);
	}
	exit(argument);
}

static const struct {
	const char *mode;
	void (*act)(void);
} acts[] = {
	{"loop-threads", loop_threads},
	{"loop-zone", loop_zone},
	{"loop-heaps", loop_heaps},
	{"endless-threads", endless_threads},
	{"many-threads", many_threads},
	{"bad-names", bad_names},
	{"moving-seq", moving_seq},
	{"leaderless", leaderless},
	{"exit", plain_exit},
	{"signal", die_of_signal},
	{"thread-exits", thread_exits},
	{"leader-leaves", leader_leaves},
	{"thread-execs", thread_execs},
	{"stop-once", stop_once},
	{"crowd", crowd},
	{"leave-child", leave_child},
	{"quoted-names", quoted_names},
};

static void grow(int sig)
{
	(void)sig;
	caches[1].c.nslabs = 20;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "plain";
	int known = !strcmp(mode, "plain");

	argument = argc > 2 ? atoi(argv[2]) : 0;
	arguments = argv;
	signal(SIGUSR1, grow);
	fake_make();
	known |= tell_lies(mode);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].mode, mode))
			continue;
		known = 1;
		acts[i].act();
	}
	if (!known) {
		fprintf(stderr, "fake_target: no such mode: %s\n", mode);
		return 2;
	}
	say_ready();
	wait_forever(NULL);
}
