/* SPDX-License-Identifier: MIT */
/*
 * Stacks kept once each, under a number: a program allocates from a few thousand places,
 * however often. What is entered stays for ever, so numbers are looked up without a lock; when
 * there are 131,072, those that follow are their innermost frames only, and from twice as many on
 * new ones are not kept. That is 24 MiB at most, and 64 KiB for each thread at once that asks.
 */
#ifndef BUDDY_STACKS_H
#define BUDDY_STACKS_H

#include <stdint.h>

#define STACK_DEPTH 16u

/*
 * Return addresses, innermost first, of at most that many frames, without those that come first
 * and are the library's own; how many. Linked into the program it has none that differ.
 */
unsigned stack_now(uintptr_t *frames, unsigned most);
/* Stacks that a thread was in, and the words they were read from. */
struct stack_memo;

/* Kept for ever, and used by one thread at a time. NULL: no memory. */
struct stack_memo *stack_memo_new(void);
/* Where this is called from; 0: nothing can be seen, or no more is kept. memo: may be NULL. */
uint32_t stack_here(struct stack_memo *memo);
/* The return addresses under a number, innermost first; how many. 0: it is none. */
unsigned stack_frames(uint32_t number, const uintptr_t **frames);

#endif
