/* SPDX-License-Identifier: MIT */
/*
 * Another process's memory, read without its help and without stopping it.
 *
 * The process is a stranger: each target carries a budget of bytes, so that no
 * list or count it makes up can keep us reading for long. Every failure leaves
 * one line for the user in `why`.
 */
#ifndef KMEMTOP_TARGET_H
#define KMEMTOP_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TARGET_WHY 160

struct target {
	pid_t pid;	      /* as the user knows it */
	pid_t tid;	      /* the thread whose memory we read; mostly pid */
	uint64_t budget;      /* bytes that may still be read */
	char why[TARGET_WHY]; /* the last failure, without newline */
};

/* One piece of a scattered read. */
struct target_part {
	uint64_t addr;
	void *buf;
	size_t nbytes;
	int ok; /* set by the read: all of it arrived */
};

/* Both begin a reading with a fresh budget. 0 or -errno. */
int target_open(struct target *t, pid_t pid);
/* Reads through thread `tid` of `pid`, say because the first has gone. */
void target_open_thread(struct target *t, pid_t pid, pid_t tid);

/* All of it or -errno; -EFAULT if part of it is not mapped. */
int target_read(struct target *t, uint64_t addr, void *buf, size_t nbytes);

/* Each part on its own, many to a system call; -errno if the process is lost. */
int target_read_parts(struct target *t, struct target_part *parts, size_t nparts);

/* Says why in one line and returns -err. */
int target_fail(struct target *t, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Calls `each` for every record of a list whose records begin with the address
 * of the next one. A list that loops, or a record that cannot be read, fails. */
struct target_list {
	const char *name; /* "threads", for messages */
	uint64_t first;
	void *record; /* where each record is put */
	size_t nbytes;
	int (*each)(void *context, const void *record); /* 0 or -errno */
	void *context;
};
int target_walk(struct target *t, const struct target_list *list);

#endif
