/* SPDX-License-Identifier: MIT */
/*
 * What differs between processors: width of an address, a raw system call.
 * Raw, because the C library's wrappers set errno, which free() must keep.
 */
#ifndef BUDDY_ARCH_H
#define BUDDY_ARCH_H

#include <stdbool.h>
#include <stdint.h>

/* Keep the compiler from looking through x: it would split an address that one load can form. */
#define ARCH_OPAQUE(x) __asm__("" : "+r"(x))

#if defined(__x86_64__)

#define ARCH_ADDRESS_BITS 47

static inline long arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline void arch_relax(void)
{
	__builtin_ia32_pause();
}

/* *word -= n, seen whole by those who look on. */
static inline void arch_subtract(uintptr_t *word, uintptr_t n)
{
	/* memory: what is loaded after it may then take the register that addressed word */
	__asm__ volatile("subq %1, %0" : "+m"(*word) : "ri"(n) : "cc", "memory");
}

/* (*word & bits) == 0, in one instruction, which compilers miss. */
static inline bool arch_disjoint(const uintptr_t *word, uintptr_t bits)
{
	bool zero;

	__asm__("test %2, %1" : "=@ccz"(zero) : "m"(*word), "r"(bits));
	return zero;
}

/* Set the bit of *word, below 64; whether it was set already. */
static inline bool arch_set_bit(uint64_t *word, uint64_t bit)
{
	bool was;

	__asm__("bts %2, %0" : "+r"(*word), "=@ccc"(was) : "r"(bit));
	return was;
}

/* How many bits are set: pairs, fours and eights of them, then the sum of the eights. */
static inline unsigned arch_count_bits(uint64_t word)
{
	word -= word >> 1 & 0x5555555555555555;
	word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned)(word * 0x0101010101010101 >> 56);
}

#elif defined(__aarch64__)

#define ARCH_ADDRESS_BITS 48

static inline long arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

static inline void arch_relax(void)
{
	__asm__ volatile("yield");
}

static inline void arch_subtract(uintptr_t *word, uintptr_t n)
{
	__atomic_store_n(word, *word - n, __ATOMIC_RELAXED);
}

static inline bool arch_disjoint(const uintptr_t *word, uintptr_t bits)
{
	return (*word & bits) == 0;
}

static inline bool arch_set_bit(uint64_t *word, uint64_t bit)
{
	bool was = *word >> bit & 1;

	*word |= 1ull << bit;
	return was;
}

static inline unsigned arch_count_bits(uint64_t word)
{
	return (unsigned)__builtin_popcountll(word);
}

#else
#error "libkmem knows x86-64 and aarch64"
#endif

#endif
