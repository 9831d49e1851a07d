/* SPDX-License-Identifier: MIT */
/*
 * Work done in a process apart, in our memory, while the caller waits for it.
 *
 * It has files and limits of its own, so that what it opens is neither seen by the program's
 * threads nor inherited by what they start, and so that it finds room where the program has used
 * up its own. Its children are not the program's: they are neither in a waitpid(-1) nor told of by
 * SIGCHLD, as any child that has done an execve would be, whatever it was made with. All signals
 * are blocked in it, and in the caller as long as it waits, so no handler runs in between.
 */
#ifndef BUDDY_SYMBOL_APART_H
#define BUDDY_SYMBOL_APART_H

#include <stdbool.h>
#include <stddef.h>

/*
 * run(arg) on the nbytes at stack, aligned to 16. What it returned, 0 to 255, or -1: it was not
 * to be made, or came to a bad end. It has to end by itself.
 */
int symbol_apart(int (*run)(void *arg), void *arg, void *stack, size_t nbytes);
/* A child of this process, in its memory until it does an execve; its id, or -errno. */
long symbol_child(int (*run)(void *arg), void *arg, void *stack, size_t nbytes);
/* Wait for one of either; false: it has not ended in that time. status as of waitpid. */
bool symbol_reap(long pid, int *status, unsigned most_ms);

#endif
