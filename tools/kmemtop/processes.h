/* SPDX-License-Identifier: MIT */
/* The processes on the machine that use libkmem, with their totals. */
#ifndef KMEMTOP_PROCESSES_H
#define KMEMTOP_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_view {
	pid_t pid;
	char name[17]; /* printable */
	uint64_t nthreads;
	uint64_t nslabs;
	uint64_t objects;
	uint64_t active; /* <= objects */
	uint64_t parked;
	uint64_t slab_nbytes;
	uint64_t committed_nbytes; /* of zones */
	uint64_t heap_live_nbytes;
	uint64_t mapped_nbytes;
};

struct processes {
	struct process_view *list; /* by pid */
	size_t n;
	size_t nforbidden; /* that could not be looked into for lack of rights */
	size_t nfailed;	   /* that use libkmem, but whose records cannot be read */
};

/* 0, or -errno if /proc itself cannot be read or memory is short; *p is then empty. */
int processes_list(struct processes *p);
void processes_free(struct processes *p);

/* What a live process calls itself, printable; empty if it cannot be told. */
void process_read_name(char *name, size_t nbytes, pid_t pid);

#endif
