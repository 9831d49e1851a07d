/* SPDX-License-Identifier: MIT */
/* fork from a process with busy threads: every lock taken in order, and reset in the child. */
#ifndef LIB_FORK_H
#define LIB_FORK_H

void fork_register(void);

#endif
