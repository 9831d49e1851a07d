/* SPDX-License-Identifier: MIT */
/*
 * The system below: the only place that calls mmap, munmap, mprotect, madvise
 * and mremap. Everything goes through one table, so that tests can make each
 * call fail in turn. Results are 0 or -errno, or NULL; errno is never touched.
 */
#ifndef BUDDY_SYS_H
#define BUDDY_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define SYS_ALONE __libc_single_threaded
#else
#define SYS_ALONE false
#endif

struct sys_table {
	long (*mmap)(void *addr, size_t nbytes, int prot, int flags);
	long (*munmap)(void *addr, size_t nbytes);
	long (*mprotect)(void *addr, size_t nbytes, int prot);
	long (*madvise)(void *addr, size_t nbytes, int advice);
	long (*mremap)(void *addr, size_t old_nbytes, size_t nbytes, int flags, void *to);
};

/* The calls in force; tests put their own in and sys_real back. */
extern const struct sys_table *sys_calls;
extern const struct sys_table sys_real;

/* Bytes in the kernel's page: 4, 16 or 64 KiB, read from the auxiliary vector. */
size_t sys_page_size(void);

static inline size_t sys_page_up(size_t nbytes)
{
	size_t page = sys_page_size();

	return (nbytes + page - 1) & ~(page - 1);
}

/* A range of addresses without memory behind it, aligned to align (a power of two). */
void *sys_reserve(size_t nbytes, size_t align);
/* The same at addr and nowhere else. */
void *sys_reserve_at(void *addr, size_t nbytes);
/* The same, aligned to room (a power of two), where so much seems to be free; NULL: not there. */
void *sys_reserve_roomy(size_t nbytes, size_t room);
/* Make part of a reserved range usable: zeroed memory on first touch. */
int sys_commit(void *addr, size_t nbytes);
/* Make it inaccessible again; what is in it stays. */
int sys_forbid(void *addr, size_t nbytes);
/* A mapping of its own, usable at once. */
void *sys_map(size_t nbytes, size_t align);
/* End a reservation or a mapping. If refused, the pages are at least purged. */
void sys_unmap(void *addr, size_t nbytes);
/* Grow or shrink a mapping of its own where it is. */
int sys_remap(void *addr, size_t old_nbytes, size_t nbytes);
/*
 * The same, onto a reserved range of nbytes at to. If refused, addr is as it was;
 * to may be gone, and somebody else's since, so those addresses stay unused.
 */
int sys_remap_to(void *addr, size_t old_nbytes, size_t nbytes, void *to);
/* Move the pages of a committed range to a new mapping; the range stays, reading as zeros. */
void *sys_move(void *addr, size_t nbytes);
/* Give the pages back; 0 means they are zero when touched again. */
int sys_purge(void *addr, size_t nbytes);

enum sys_thp { SYS_THP_NEVER, SYS_THP_ALWAYS };
void sys_advise_huge(void *addr, size_t nbytes, enum sys_thp advice);

/*
 * Leave a reservation out of core files, and take committed parts in: gcore
 * writes even unreadable ranges. If refused, a core is larger, no more.
 */
void sys_core_hide(void *addr, size_t nbytes);
void sys_core_show(void *addr, size_t nbytes);

/* Number of usable processors, at least 1, and the one this thread runs on. */
unsigned sys_ncpus(void);
unsigned sys_cpu(void);
/* The node of memory (NUMA) of that processor. */
unsigned sys_node(void);
/* Those that this process may have memory of, a bit each. 0 or -errno. */
int sys_nodes_allowed(uint64_t *mask, unsigned nnodes);
uint32_t sys_tid(void);
/*
 * Has the process no other thread? glibc's answer is no from the first pthread_create on,
 * before that allocates: what is true when a function looks stays so until it returns, and
 * pthread_create passes on what it wrote plainly. Other C libraries do not say.
 */
static inline bool sys_alone(void)
{
	return SYS_ALONE;
}
/* Of this thread, as ps shows it: 15 bytes at most. */
void sys_thread_name(const char *name);
/* The beginning of a file, ended by a zero byte; false: it cannot be read. */
bool sys_read_file(const char *path, char *buf, size_t nbytes);
/* Sixteen bytes the kernel chose at random for this process. */
const unsigned char *sys_random16(void);
/* Running with more rights than the caller has: the environment is not to be trusted. */
bool sys_secure(void);

/* Milliseconds of a coarse monotonic clock, modulo 2^32. */
uint32_t sys_now_ms(void);

/* Where Yama would let a process be read by those only that started it: by any; or by those again.
 */
void sys_ptracer(bool any);

/* An empty file, in the place of any that was there. 0 or -errno. */
int sys_file_create(const char *path);
/*
 * nbytes of zeros into the file at offset, and where they are mapped, shared with the file, which
 * is not kept open. Both are multiples of the page. NULL: no room, or else, as *err says.
 */
void *sys_file_append(const char *path, size_t offset, size_t nbytes, int *err);
/* The name as a path from the root, cut off at nbytes. */
void sys_path_absolute(char *path, size_t nbytes, const char *name);
/* Let others run. */
void sys_yield(void);

/* All of it; 0 or -errno. */
int sys_write(int fd, const char *text, size_t nbytes);
void sys_write_stderr(const char *text, size_t nbytes);
_Noreturn void sys_abort(void);

void sys_futex_wait(uint32_t *word, uint32_t expected);
/* The same for so long at most. */
void sys_futex_wait_ms(uint32_t *word, uint32_t expected, uint32_t ms);
void sys_futex_wake(uint32_t *word);

#endif
