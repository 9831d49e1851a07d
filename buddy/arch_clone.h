/* SPDX-License-Identifier: MIT */
/*
 * A process that runs a function on a stack of its own, in this one's memory, and ends with
 * what it returned. It differs between processors, as arch.h does.
 */
#ifndef BUDDY_ARCH_CLONE_H
#define BUDDY_ARCH_CLONE_H

#include <sys/syscall.h>

/* Its id, or -errno; top, the end of the stack, is aligned to 16. */
static inline long arch_clone(long flags, void *top, int (*run)(void *), void *arg)
{
	/* In registers that the kernel leaves alone: the new stack has nothing on it. */
#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register int (*r9)(void *) __asm__("r9") = run;
	register void *r12 __asm__("r12") = arg;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "movq %%r12, %%rdi\n\t"
			 "callq *%%r9\n\t"
			 "movl %%eax, %%edi\n\t"
			 "movl %[end], %%eax\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone), "D"(flags), "S"(top), "d"(0l), "r"(r10), "r"(r8),
			   "r"(r9), "r"(r12), [end] "i"(SYS_exit_group)
			 : "rcx", "r11", "memory", "cc");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = flags;
	register void *x1 __asm__("x1") = top;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register int (*x9)(void *) __asm__("x9") = run;
	register void *x10 __asm__("x10") = arg;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "mov x8, %[end]\n\t"
			 "svc 0\n\t"
			 "brk 1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9),
			   "r"(x10), [end] "i"(SYS_exit_group)
			 : "memory", "cc");
	return x0;
#endif
}

#endif
