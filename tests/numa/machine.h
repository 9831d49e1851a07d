/* SPDX-License-Identifier: MIT */
/*
 * Machines of several nodes, simulated: the files that /sys would have, threads that say on which
 * node they are, and an mbind that writes down what it was asked for.
 */
#ifndef TESTS_NUMA_MACHINE_H
#define TESTS_NUMA_MACHINE_H

#include "buddy/place.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACHINE_BOUND 64

struct machine {
	const char *name, *possible, *online, *memory;
	const char *allowed; /* NULL: all memory */
	struct {
		int node;
		const char *distance; /* as the node's file */
	} lines[8];
};

/* Two sockets. */
static const struct machine machine_two __attribute__((unused)) = {
	.name = "two",
	.possible = "0-1",
	.online = "0-1",
	.memory = "0-1",
	.lines = {{0, "10 21"}, {1, "21 10"}},
};

/* Two sockets of two nodes each. */
static const struct machine machine_four __attribute__((unused)) = {
	.name = "four",
	.possible = "0-3",
	.online = "0-3",
	.memory = "0-3",
	.lines = {{0, "10 12 32 35"}, {1, "12 10 35 32"}, {2, "32 35 10 12"}, {3, "35 32 12 10"}},
};

/* Numbers with holes; node 7 has processors only, node 12 memory only. */
static const struct machine machine_holes __attribute__((unused)) = {
	.name = "holes",
	.possible = "0-15",
	.online = "2,5,7,12",
	.memory = "2,5,12",
	.lines = {{2, "10 20 30 40"}, {5, "20 10 15 40"}, {7, "30 15 10 50"}, {12, "40 40 50 10"}},
};

static const struct machine machine_one __attribute__((unused)) = {
	.name = "one",
	.possible = "0",
	.online = "0",
	.memory = "0",
	.lines = {{0, "10"}},
};

static const struct machine *machine;
static __thread int machine_node;	  /* of this thread */
static _Atomic long machine_free_kib[16]; /* 0: plenty, as for all at first; less: nothing */
static _Atomic int machine_reads;	  /* of files, but for what is free */
static _Atomic bool machine_secret;	  /* who may have memory where is not said */
static _Atomic bool machine_mute;	  /* its meminfo says nothing */
static _Atomic int machine_error;	  /* what mbind answers */
static _Atomic unsigned machine_nbound;
static struct {
	void *addr;
	size_t nbytes;
	int mode;
	struct node_set nodes;
} machine_bound[MACHINE_BOUND];

static bool machine_line(int node, char *text, size_t nbytes)
{
	for (unsigned i = 0; i < 8; i++)
		if (machine->lines[i].distance && machine->lines[i].node == node)
			return snprintf(text, nbytes, "%s\n", machine->lines[i].distance) > 0;
	return false;
}

static bool machine_meminfo(int node, char *text, size_t nbytes)
{
	long left = node < 16 ? machine_free_kib[node] : 0;

	if (machine_mute)
		return snprintf(text, nbytes, "\n") > 0;
	return snprintf(text, nbytes,
			"Node %d MemTotal:       99999999 kB\nNode %d MemFree:        %ld kB\n"
			"Node %d Active(file):   0 kB\nNode %d Inactive(file): 0 kB\n",
			node, node,
			left == 0  ? 99999999
			: left < 0 ? 0
				   : left,
			node, node) > 0;
}

static bool machine_read(const char *name, char *text, size_t nbytes)
{
	const char *list = NULL;
	int node;

	if (!strstr(name, "/meminfo"))
		atomic_fetch_add(&machine_reads, 1);
	if (sscanf(name, "node%d/", &node) == 1 && strstr(name, "/distance"))
		return machine_line(node, text, nbytes);
	if (sscanf(name, "node%d/", &node) == 1 && strstr(name, "/meminfo"))
		return machine_meminfo(node, text, nbytes);
	if (!strcmp(name, "possible"))
		list = machine->possible;
	else if (!strcmp(name, "online"))
		list = machine->online;
	else if (!strcmp(name, "has_memory"))
		list = machine->memory;
	return list && snprintf(text, nbytes, "%s\n", list) > 0;
}

static int machine_allowed(struct node_set *nodes)
{
	if (machine_secret)
		return -EPERM;
	node_set_parse(nodes, machine->allowed ? machine->allowed : machine->memory);
	return 0;
}

static unsigned machine_here(void)
{
	return (unsigned)machine_node;
}

static int machine_bind(void *addr, size_t nbytes, int mode, const struct node_set *nodes)
{
	unsigned n = atomic_fetch_add(&machine_nbound, 1);

	if (n < MACHINE_BOUND) {
		machine_bound[n].addr = addr;
		machine_bound[n].nbytes = nbytes;
		machine_bound[n].mode = mode;
		machine_bound[n].nodes = *nodes;
	}
	return machine_error;
}

static const struct node_machine machine_simulated = {
	.read = machine_read,
	.allowed = machine_allowed,
	.here = machine_here,
	.bind = machine_bind,
};

/* This process is on that machine, on a node of it; before it has used the library. */
static inline void machine_start(const struct machine *which, int node)
{
	machine = which;
	machine_node = node;
	node_machine = &machine_simulated;
	/* The machine that it is on was looked at when it started. */
	places_known = false;
}

struct machine_thread {
	int node;
	void *(*run)(void *arg);
	void *arg;
};

static void *machine_run(void *arg)
{
	const struct machine_thread *thread = arg;

	machine_node = thread->node;
	return thread->run(thread->arg);
}

/* Run it in a thread on the node, to its end. */
static inline void *machine_on(int node, void *(*run)(void *arg), void *arg)
{
	struct machine_thread thread = {.node = node, .run = run, .arg = arg};
	void *result = NULL;
	pthread_t id;

	if (pthread_create(&id, NULL, machine_run, &thread) != 0 || pthread_join(id, &result) != 0)
		abort();
	return result;
}

#endif
