/* SPDX-License-Identifier: MIT */
/*
 * Who called: return addresses up the stack, by call frame information (cfi.h), so that code
 * without frame pointers is no obstacle. No lock, no memory, no system call: fit for every
 * allocation, inside the allocator, and in signal handlers, which it passes through.
 *
 * The rule for each place in the code is looked up once and kept in a table, as programs
 * allocate from the same places again and again: a frame is then two loads and a compare.
 * Without the C library's _dl_find_object (glibc 2.35) there is no way without a lock, and
 * stacks are empty.
 */
#ifndef BUDDY_UNWIND_H
#define BUDDY_UNWIND_H

#include <stdint.h>

/* Return addresses of the caller's callers, innermost first, at most that many; how many. */
unsigned unwind(uintptr_t *frames, unsigned most);
/* The same from where a signal interrupted: context is the handler's third argument. */
unsigned unwind_signal(const void *context, uintptr_t *frames, unsigned most);

#endif
