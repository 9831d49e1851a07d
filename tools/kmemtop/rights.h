/* SPDX-License-Identifier: MIT */
/*
 * Which right is missing to read a process. The kernel says EPERM and no more;
 * this goes through its rules (ptrace(2), "Ptrace access mode checking") in
 * their order.
 */
#ifndef KMEMTOP_RIGHTS_H
#define KMEMTOP_RIGHTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rights_side {
	uint32_t uids[3]; /* real, effective, saved */
	uint32_t gids[3];
	uint64_t permitted; /* capabilities */
	uint64_t effective;
};

struct rights {
	struct rights_side us, it;
	int seen;	  /* /proc shows it to us; if not, only `us` holds */
	int other_userns; /* than ours */
	int undumpable;
	int ptrace_scope; /* of Yama; 0: there is none */
};

void rights_look(struct rights *r, pid_t pid);

/* One line without "not permitted". */
void rights_explain(const struct rights *r, char *line, size_t nbytes);

#endif
