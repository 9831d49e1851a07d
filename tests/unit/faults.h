/* SPDX-License-Identifier: MIT */
/*
 * A system below that fails on purpose: a table that counts calls and refuses the
 * Nth, all from the Nth on, or all of one kind. Refused calls change nothing.
 */
#ifndef TESTS_UNIT_FAULTS_H
#define TESTS_UNIT_FAULTS_H

#include "buddy/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum fault_kind {
	FAULT_MMAP,
	FAULT_MUNMAP,
	FAULT_MPROTECT,
	FAULT_MADVISE,
	FAULT_MREMAP,
	FAULT_KINDS
};

static struct {
	unsigned long first, last;	   /* the numbers, from 1, of the calls refused */
	_Atomic bool refused[FAULT_KINDS]; /* kinds refused always */
	_Atomic unsigned long ncalls, nrefused;
	_Atomic unsigned long calls[FAULT_KINDS];
} faults;

static inline bool fault_refuses(enum fault_kind kind)
{
	unsigned long n = atomic_fetch_add(&faults.ncalls, 1) + 1;
	bool refuse = faults.refused[kind] || (n >= faults.first && n <= faults.last);

	atomic_fetch_add(&faults.calls[kind], 1);
	if (refuse)
		atomic_fetch_add(&faults.nrefused, 1);
	return refuse;
}

static long fault_mmap(void *addr, size_t nbytes, int prot, int flags)
{
	return fault_refuses(FAULT_MMAP) ? -ENOMEM : sys_real.mmap(addr, nbytes, prot, flags);
}

static long fault_munmap(void *addr, size_t nbytes)
{
	return fault_refuses(FAULT_MUNMAP) ? -ENOMEM : sys_real.munmap(addr, nbytes);
}

static long fault_mprotect(void *addr, size_t nbytes, int prot)
{
	return fault_refuses(FAULT_MPROTECT) ? -ENOMEM : sys_real.mprotect(addr, nbytes, prot);
}

static long fault_madvise(void *addr, size_t nbytes, int advice)
{
	return fault_refuses(FAULT_MADVISE) ? -EINVAL : sys_real.madvise(addr, nbytes, advice);
}

static long fault_mremap(void *addr, size_t old_nbytes, size_t nbytes, int flags, void *to)
{
	return fault_refuses(FAULT_MREMAP) ? -ENOMEM
					   : sys_real.mremap(addr, old_nbytes, nbytes, flags, to);
}

static const struct sys_table fault_table = {
	.mmap = fault_mmap,
	.munmap = fault_munmap,
	.mprotect = fault_mprotect,
	.madvise = fault_madvise,
	.mremap = fault_mremap,
};

/* Count from now on, and refuse the calls first to last. */
static inline void faults_begin(unsigned long first, unsigned long last)
{
	faults.first = first;
	faults.last = last;
	faults.ncalls = faults.nrefused = 0;
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		faults.calls[kind] = 0;
		faults.refused[kind] = false;
	}
	sys_calls = &fault_table;
}

/* Count, refuse nothing. */
static inline void faults_count(void)
{
	faults_begin(0, 0);
}

static inline void faults_refuse(enum fault_kind kind)
{
	faults_count();
	faults.refused[kind] = true;
}

static inline void faults_end(void)
{
	sys_calls = &sys_real;
}

#endif
