// SPDX-License-Identifier: MIT
/*
 * Readers and writers on the table of rcu_table.h, for a while; each node is checked by whoever
 * has a reference to it.
 *
 *	cc -D_GNU_SOURCE -pthread rcu_table*.c -lkmem-rcu -lkmem -lurcu-cds -lurcu-memb \
 *		-lurcu-mb -lurcu-qsbr -lurcu-bp
 *
 *	--flavor NAME	of liburcu: memb, mb, qsbr or bp
 *	--seconds N	how long
 *	--nodes N	keys, of which about half are in the table
 *	--readers N, --writers N	threads
 *	--waves		writers now and then empty the table, so that slabs become empty and
 *			their pages wait for grace periods
 *	--malloc	on malloc, with a call_rcu for each node
 *	--broken	grace periods are skipped: the checks have to find that
 */
#include "rcu_table.h"

#include "rcu_table_flavor.h"

#include <getopt.h>
#include <kmem.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MOST 64
#define WAVE	     20000u /* changes from one wave to the next */
#define STUCK_S	     60u    /* for threads to end */

static const struct {
	const char *name;
	const struct rcu_flavor_struct *flavor;
} flavors[] = {
	{"memb", &urcu_memb_flavor},
	{"mb", &urcu_mb_flavor},
	{"qsbr", &urcu_qsbr_flavor},
	{"bp", &urcu_bp_flavor},
};

static struct {
	const char *flavor;
	unsigned long seconds, nodes, readers, writers;
	int waves, malloc, broken;
} want = {.flavor = "memb", .seconds = 1, .nodes = 20000, .readers = 2, .writers = 2};

static const struct rcu_flavor_struct *flavor;

struct worker {
	_Alignas(64) pthread_t thread;
	unsigned long nlookups, nfound, nchanges;
	uint64_t random;
};

static struct worker workers[2 * THREADS_MOST];
static _Atomic bool over;

static bool choose_flavor(void)
{
	const struct rcu_flavor_struct *real = NULL;

	for (size_t i = 0; i < sizeof(flavors) / sizeof(flavors[0]); i++)
		if (strcmp(flavors[i].name, want.flavor) == 0)
			real = flavors[i].flavor;
	if (real)
		flavor = flavor_of(real, want.broken);
	return real;
}

/* --- threads ------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t random_key(struct worker *worker)
{
	return next_random(&worker->random) % want.nodes;
}

static void *look_up(void *arg)
{
	struct worker *worker = arg;
	struct node *node;

	flavor->register_thread();
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		node = table_hold(random_key(worker));
		if (node) {
			node_check(node);
			table_put(node);
			worker->nfound++;
		}
		worker->nlookups++;
		flavor->read_quiescent_state();
	}
	flavor->unregister_thread();
	return NULL;
}

/* Slabs get empty, and are given back where no other writer was as fast. */
static void wave(void)
{
	for (uint64_t key = 0; key < want.nodes; key++)
		table_remove(key);
	kmem_trim();
	for (uint64_t key = 0; key < want.nodes; key += 2)
		table_add(key);
}

static void *change(void *arg)
{
	struct worker *worker = arg;
	uint64_t key;

	flavor->register_thread();
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		key = random_key(worker);
		worker->nchanges += table_remove(key) || table_add(key);
		if (want.waves && worker->nchanges % WAVE == 0)
			wave();
		flavor->read_quiescent_state();
	}
	flavor->unregister_thread();
	return NULL;
}

static unsigned long nthreads(void)
{
	return want.readers + want.writers;
}

static void start(void)
{
	for (unsigned long i = 0; i < nthreads(); i++) {
		struct worker *worker = &workers[i];
		bool reads = i < want.readers;

		worker->random = 88172645463325252u + i * 0x9e3779b97f4a7c15u;
		if (pthread_create(&worker->thread, NULL, reads ? look_up : change, worker) != 0)
			table_die("no thread", worker);
	}
}

static void end(void)
{
	struct timespec until;

	over = true;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STUCK_S;
	for (unsigned long i = 0; i < nthreads(); i++)
		if (pthread_timedjoin_np(workers[i].thread, NULL, &until) != 0)
			table_die("is of a thread that does not end", &workers[i]);
}

/* --- the whole ------------------------------------------------------------------------------ */

/* Before and after all others. */
static void by_one_thread(bool (*act)(uint64_t), uint64_t step)
{
	flavor->register_thread();
	for (uint64_t key = 0; key < want.nodes; key += step) {
		act(key);
		flavor->read_quiescent_state();
	}
	flavor->unregister_thread();
}

/* KiB, the most that were resident. */
static unsigned long peak_kib(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	if (status)
		fclose(status);
	return kib;
}

static void tell(double seconds)
{
	unsigned long nlookups = 0, nfound = 0, nchanges = 0;

	for (unsigned long i = 0; i < nthreads(); i++) {
		nlookups += workers[i].nlookups;
		nfound += workers[i].nfound;
		nchanges += workers[i].nchanges;
	}
	printf("%s %s: %.0f lookups/s, %.0f%% found, %.0f updates/s, peak %lu KiB\n", want.flavor,
	       want.malloc ? "malloc" : "typesafe", (double)nlookups / seconds,
	       nlookups ? 100.0 * (double)nfound / (double)nlookups : 0, (double)nchanges / seconds,
	       peak_kib());
}

static bool read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"flavor", required_argument, NULL, 'f'},
		{"seconds", required_argument, NULL, 's'},
		{"nodes", required_argument, NULL, 'n'},
		{"readers", required_argument, NULL, 'r'},
		{"writers", required_argument, NULL, 'w'},
		{"waves", no_argument, &want.waves, 1},
		{"malloc", no_argument, &want.malloc, 1},
		{"broken", no_argument, &want.broken, 1},
		{NULL, 0, NULL, 0},
	};
	unsigned long *number;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		number = c == 's'   ? &want.seconds
			 : c == 'n' ? &want.nodes
			 : c == 'r' ? &want.readers
			 : c == 'w' ? &want.writers
				    : NULL;
		if (number)
			*number = strtoul(optarg, NULL, 10);
		else if (c == 'f')
			want.flavor = optarg;
		else if (c != 0)
			return false;
	}
	return want.nodes && want.readers <= THREADS_MOST && want.writers <= THREADS_MOST;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned long nbuckets = 1;
	double begin;

	if (!read_options(argc, argv) || !choose_flavor()) {
		fprintf(stderr,
			"usage: %s [--flavor memb|mb|qsbr|bp] [--seconds N] [--nodes N]\n"
			"\t[--readers N] [--writers N] [--waves] [--malloc] [--broken]\n",
			argv[0]);
		return 2;
	}
	while (nbuckets < want.nodes)
		nbuckets *= 2;
	table_open(want.malloc ? &table_malloc : &table_typesafe, flavor, nbuckets);
	by_one_thread(table_add, 2);
	begin = now();
	start();
	sleep((unsigned)want.seconds);
	end();
	tell(now() - begin);
	by_one_thread(table_remove, 1);
	table_close();
	return 0;
}
