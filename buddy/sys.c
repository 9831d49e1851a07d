// SPDX-License-Identifier: MIT
/* The system below, by raw calls: see sys.h. */
#include "buddy/sys.h"

#include "buddy/arch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static long real_mmap(void *addr, size_t nbytes, int prot, int flags)
{
	return arch_syscall(SYS_mmap, (long)addr, (long)nbytes, prot, flags, -1, 0);
}

static long real_munmap(void *addr, size_t nbytes)
{
	return arch_syscall(SYS_munmap, (long)addr, (long)nbytes, 0, 0, 0, 0);
}

static long real_mprotect(void *addr, size_t nbytes, int prot)
{
	return arch_syscall(SYS_mprotect, (long)addr, (long)nbytes, prot, 0, 0, 0);
}

static long real_madvise(void *addr, size_t nbytes, int advice)
{
	return arch_syscall(SYS_madvise, (long)addr, (long)nbytes, advice, 0, 0, 0);
}

static long real_mremap(void *addr, size_t old_nbytes, size_t nbytes, int flags, void *to)
{
	return arch_syscall(SYS_mremap, (long)addr, (long)old_nbytes, (long)nbytes, flags, (long)to,
			    0);
}

const struct sys_table sys_real = {
	.mmap = real_mmap,
	.munmap = real_munmap,
	.mprotect = real_mprotect,
	.madvise = real_madvise,
	.mremap = real_mremap,
};
const struct sys_table *sys_calls = &sys_real;

static bool failed(long ret)
{
	return ret < 0 && ret > -4096;
}

size_t sys_page_size(void)
{
	static _Atomic size_t known; /* relaxed: threads may find it out at once, all the same */
	size_t page = atomic_load_explicit(&known, memory_order_relaxed);

	if (!page) {
		page = getauxval(AT_PAGESZ) ? getauxval(AT_PAGESZ) : 4096;
		atomic_store_explicit(&known, page, memory_order_relaxed);
	}
	return page;
}

/*
 * The kernel ends a mapping before it makes one at the same address, so what was known of the
 * old one is past. This says so where compilers and sanitizers can see it.
 */
static _Atomic unsigned nleft;

static void addresses_left(void)
{
	/* release: pairs with the acquire in addresses_had */
	atomic_fetch_add_explicit(&nleft, 1, memory_order_release);
}

static void addresses_had(void)
{
	(void)atomic_load_explicit(&nleft, memory_order_acquire);
}

/* Where the last mapping was put: the kernel fills downward, so below it is room. */
static _Atomic uintptr_t last_base;

/* An aligned address just below the last mapping: one call where it is free. */
static void *map_below(size_t nbytes, size_t align, int prot, int flags)
{
	uintptr_t last = atomic_load_explicit(&last_base, memory_order_relaxed);
	uintptr_t hint = last > nbytes ? (last - nbytes) & ~(align - 1) : 0;
	long ret;

	if (!hint)
		return NULL;
	ret = sys_calls->mmap((void *)hint, nbytes, prot, flags);
	if (failed(ret))
		return NULL;
	if (!((uintptr_t)ret & (align - 1)))
		return (void *)ret;
	sys_unmap((void *)ret, nbytes);
	return NULL;
}

/* An aligned address by mapping more and cutting off both ends. */
static void *map_trimmed(size_t nbytes, size_t align, int prot, int flags)
{
	size_t slack = align - sys_page_size();
	uintptr_t start, aligned;
	long ret;

	if (nbytes + slack < nbytes)
		return NULL;
	ret = sys_calls->mmap(NULL, nbytes + slack, prot, flags);
	if (failed(ret))
		return NULL;
	start = (uintptr_t)ret;
	aligned = (start + align - 1) & ~(align - 1);
	if (aligned > start)
		sys_unmap((void *)start, aligned - start);
	if (start + slack > aligned)
		sys_unmap((void *)(aligned + nbytes), start + slack - aligned);
	return (void *)aligned;
}

static void *map_aligned(size_t nbytes, size_t align, int prot, int flags)
{
	void *base = NULL;

	flags |= MAP_PRIVATE | MAP_ANONYMOUS;
	if (align > sys_page_size())
		base = map_below(nbytes, align, prot, flags);
	if (!base)
		base = map_trimmed(nbytes, align > sys_page_size() ? align : sys_page_size(), prot,
				   flags);
	if (base)
		atomic_store_explicit(&last_base, (uintptr_t)base, memory_order_relaxed);
	addresses_had();
	return base;
}

void *sys_reserve(size_t nbytes, size_t align)
{
	return map_aligned(nbytes, align, PROT_NONE, MAP_NORESERVE);
}

void *sys_reserve_at(void *addr, size_t nbytes)
{
	long ret = sys_calls->mmap(addr, nbytes, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);

	addresses_had();
	if (failed(ret) || (void *)ret == addr)
		return failed(ret) ? NULL : addr;
	sys_unmap((void *)ret, nbytes);
	return NULL;
}

void *sys_reserve_roomy(size_t nbytes, size_t room)
{
	uintptr_t last = atomic_load_explicit(&last_base, memory_order_relaxed);
	void *base = NULL;

	if (last > 2 * room)
		base = sys_reserve_at((void *)((last - room) & ~(room - 1)), nbytes);
	if (base)
		atomic_store_explicit(&last_base, (uintptr_t)base, memory_order_relaxed);
	return base;
}

void *sys_map(size_t nbytes, size_t align)
{
	return map_aligned(nbytes, align, PROT_READ | PROT_WRITE, 0);
}

int sys_commit(void *addr, size_t nbytes)
{
	return (int)sys_calls->mprotect(addr, nbytes, PROT_READ | PROT_WRITE);
}

int sys_forbid(void *addr, size_t nbytes)
{
	return (int)sys_calls->mprotect(addr, nbytes, PROT_NONE);
}

void sys_unmap(void *addr, size_t nbytes)
{
	addresses_left();
	/* munmap can fail where it would split a mapping and no more are allowed. */
	if (failed(sys_calls->munmap(addr, nbytes)))
		sys_purge(addr, nbytes);
}

int sys_remap(void *addr, size_t old_nbytes, size_t nbytes)
{
	long ret = sys_calls->mremap(addr, old_nbytes, nbytes, 0, NULL);

	return failed(ret) ? (int)ret : 0;
}

int sys_remap_to(void *addr, size_t old_nbytes, size_t nbytes, void *to)
{
	long ret;

	addresses_left();
	ret = sys_calls->mremap(addr, old_nbytes, nbytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return failed(ret) ? (int)ret : 0;
}

void *sys_move(void *addr, size_t nbytes)
{
	long ret = sys_calls->mremap(addr, nbytes, nbytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	addresses_had();
	return failed(ret) ? NULL : (void *)ret;
}

int sys_purge(void *addr, size_t nbytes)
{
	return (int)sys_calls->madvise(addr, nbytes, MADV_DONTNEED);
}

void sys_advise_huge(void *addr, size_t nbytes, enum sys_thp advice)
{
	/* Refused where the kernel has no huge pages: nothing to do about it. */
	sys_calls->madvise(addr, nbytes,
			   advice == SYS_THP_ALWAYS ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

void sys_core_hide(void *addr, size_t nbytes)
{
	sys_calls->madvise(addr, nbytes, MADV_DONTDUMP);
}

void sys_core_show(void *addr, size_t nbytes)
{
	sys_calls->madvise(addr, nbytes, MADV_DODUMP);
}

unsigned sys_ncpus(void)
{
	unsigned long set[16] = {0};
	unsigned ncpus = 0;
	long nbytes = arch_syscall(SYS_sched_getaffinity, 0, sizeof(set), (long)set, 0, 0, 0);

	for (long i = 0; i < nbytes / (long)sizeof(set[0]); i++)
		ncpus += arch_count_bits(set[i]);
	return ncpus ? ncpus : 1;
}

unsigned sys_cpu(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? 0 : (unsigned)cpu;
}

unsigned sys_node(void)
{
	unsigned cpu, node;
	int saved = errno;
	bool known = getcpu(&cpu, &node) == 0;

	errno = saved;
	return known ? node : 0;
}

int sys_nodes_allowed(uint64_t *mask, unsigned nnodes)
{
	long ret =
		arch_syscall(SYS_get_mempolicy, 0, (long)mask, nnodes, 0, MPOL_F_MEMS_ALLOWED, 0);

	return failed(ret) ? (int)ret : 0;
}

bool sys_read_file(const char *path, char *buf, size_t nbytes)
{
	long file = arch_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long n;

	if (failed(file))
		return false;
	n = arch_syscall(SYS_read, file, (long)buf, (long)nbytes - 1, 0, 0, 0);
	arch_syscall(SYS_close, file, 0, 0, 0, 0, 0);
	if (failed(n))
		return false;
	buf[n] = '\0';
	return true;
}

uint32_t sys_tid(void)
{
	return (uint32_t)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

void sys_thread_name(const char *name)
{
	arch_syscall(SYS_prctl, PR_SET_NAME, (long)name, 0, 0, 0, 0);
}

void sys_ptracer(bool any)
{
	/* A kernel without Yama refuses, and does not forbid either. */
	arch_syscall(SYS_prctl, PR_SET_PTRACER, any ? (long)PR_SET_PTRACER_ANY : 0, 0, 0, 0, 0);
}

const unsigned char *sys_random16(void)
{
	static const unsigned char none[16] = "no AT_RANDOM....";
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);

	return random ? random : none;
}

bool sys_secure(void)
{
	return getauxval(AT_SECURE) != 0;
}

uint32_t sys_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

int sys_write(int fd, const char *text, size_t nbytes)
{
	while (nbytes > 0) {
		long n = arch_syscall(SYS_write, fd, (long)text, (long)nbytes, 0, 0, 0);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		text += n;
		nbytes -= (size_t)n;
	}
	return 0;
}

void sys_write_stderr(const char *text, size_t nbytes)
{
	sys_write(STDERR_FILENO, text, nbytes);
}

_Noreturn void sys_abort(void)
{
	abort();
}

void sys_futex_wait(uint32_t *word, uint32_t expected)
{
	arch_syscall(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, expected, 0, 0, 0);
}

void sys_futex_wait_ms(uint32_t *word, uint32_t expected, uint32_t ms)
{
	struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	arch_syscall(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, expected, (long)&rest, 0, 0);
}

void sys_futex_wake(uint32_t *word)
{
	arch_syscall(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}
