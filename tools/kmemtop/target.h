/* SPDX-License-Identifier: MIT */
/*
 * A process's memory, read without its help: that of a live one, which is not
 * stopped, or of a dead one from its core.
 *
 * The process is a stranger: each target carries a budget of bytes, so that no
 * list or count it makes up can keep us reading for long. Every failure leaves
 * one line for the user in `why`, of printable characters.
 */
#ifndef KMEMTOP_TARGET_H
#define KMEMTOP_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NODES_MAX 1024 /* of memory (NUMA): as in the kernel, at most */

#define TARGET_WHY 240

struct core;
struct target_kind;

struct target {
	pid_t pid;		/* as the user knows it, or as the core tells it; 0: unknown */
	pid_t tid;		/* live: the thread whose memory we read; mostly pid */
	uint64_t budget;	/* bytes that may still be read */
	char why[TARGET_WHY];	/* the last failure, without newline */
	char notes[TARGET_WHY]; /* what to know about what is shown, one line; mostly empty */
	int release_noted;	/* in notes, or as ours */
	const struct target_kind *kind;
	struct core *core;
	const char *path; /* of the core */
};

/* One piece of a scattered read. */
struct target_part {
	uint64_t addr;
	void *buf;
	size_t nbytes;
	int ok; /* set by the read: all of it arrived */
};

/* Each begins a reading with a fresh budget. 0, or -errno and nothing to close. */
int target_open(struct target *t, pid_t pid);
/* Reads through thread `tid` of `pid`, say because the first has gone. */
void target_open_thread(struct target *t, pid_t pid, pid_t tid);
/* exe, or NULL, stands in for the executable's file that the core names. */
int target_open_core(struct target *t, const char *path, const char *exe);
void target_close(struct target *t);

/* Another reading of the same: a live process may have lost its first thread. */
int target_renew(struct target *t);

/* Whether nothing in it changes any more. */
int target_is_still(const struct target *t);

/* All of it or -errno; -EFAULT if part of it cannot be read. */
int target_read(struct target *t, uint64_t addr, void *buf, size_t nbytes);

/* Each part on its own, many to a system call; -errno if the process is lost. */
int target_read_parts(struct target *t, struct target_part *parts, size_t nparts);

/* Why there is nothing at an address, for messages: "is not mapped". */
const char *target_missing(struct target *t, uint64_t addr);

/* Says why in one line and returns -err. */
int target_fail(struct target *t, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds to notes. */
void target_note(struct target *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is mapped somewhere, as /proc/PID/maps tells it. */
struct target_mapping {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint64_t inode;	 /* 0: unknown */
	char access[5];
	int nameless;	  /* of a core that names no files: it may begin one */
	const char *path; /* as the process saw it, or given by -e; "" for none */
};

/* Calls `each` for every mapping by address, until it returns other than 0. */
int target_mappings(struct target *t,
		    int (*each)(void *context, const struct target_mapping *mapping),
		    void *context);
/* What goes before absolute paths of its files to open them from here. */
void target_root(const struct target *t, char *path, size_t nbytes);

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
