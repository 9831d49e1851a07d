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

#include <stdbool.h>
#include <stdint.h>

#define UNWIND_WORDS 28u

struct unwind_registers {
	uintptr_t pc, sp, fp;
	uintptr_t fp_at; /* where fp was read from; 0: it is still in its register */
	uintptr_t lr;
	bool in_call; /* pc is behind a call, not at an instruction to come */
};

/* What a walk depended on: while all words are the same, one from the same place is the same. */
struct unwind_words {
	unsigned n;
	bool all;   /* nothing else mattered … */
	bool by_fp; /* … but the frame pointer that it began with */
	struct unwind_word {
		uintptr_t addr, value;
	} word[UNWIND_WORDS]; /* from the stack's end that is in use upward */
};

/* Return addresses of the caller's callers, innermost first, at most that many; how many. */
unsigned unwind(uintptr_t *frames, unsigned most);
/* From registers that unwind_here gave: return addresses of the callers of who called that. */
unsigned unwind_from(const struct unwind_registers *start, struct unwind_words *words,
		     uintptr_t *frames, unsigned most);
/* The same from where a signal interrupted: context is the handler's third argument. */
unsigned unwind_signal(const void *context, uintptr_t *frames, unsigned most);

static inline __attribute__((always_inline)) struct unwind_registers unwind_here(void)
{
	struct unwind_registers registers = {0};

#if defined(__x86_64__)
	__asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
			 : "=&r"(registers.pc), "=&r"(registers.sp), "=&r"(registers.fp));
#elif defined(__aarch64__)
	__asm__ volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29\n\tmov %3, x30"
			 : "=&r"(registers.pc), "=&r"(registers.sp), "=&r"(registers.fp),
			   "=&r"(registers.lr));
#endif
	return registers;
}

#endif
