/* SPDX-License-Identifier: MIT */
/* A core of a live process, as the kernel would write it: all that is private and writable, the
 * first page of every file, and the notes. */
#ifndef WRITE_CORE_H
#define WRITE_CORE_H

#include <sys/types.h>

/* To fd, from its start. 0 or -1. The process holds still. */
int write_core(int fd, pid_t pid);

#endif
