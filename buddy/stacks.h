/* SPDX-License-Identifier: MIT */
/*
 * Stacks kept once each, under a number: a program allocates from a few thousand places,
 * however often. What is entered stays for ever, so numbers are looked up without a lock.
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
/* Where this is called from, kept; 0: nothing can be seen, or there is no memory. */
uint32_t stack_here(void);
/* The return addresses under a number, innermost first; how many. */
unsigned stack_frames(uint32_t number, const uintptr_t **frames);

#endif
