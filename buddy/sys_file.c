// SPDX-License-Identifier: MIT
/* Files that are written by mapping them: see sys.h. */
#include "buddy/arch.h"
#include "buddy/pagemap.h"
#include "buddy/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int sys_file_create(const char *path)
{
	long file;

	/* Who holds the old one keeps it. */
	arch_syscall(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0);
	file = arch_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600, 0, 0);
	if (file >= 0)
		arch_syscall(SYS_close, file, 0, 0, 0, 0, 0);
	return file < 0 ? (int)file : 0;
}

/* Zeros, written: where there is no room this fails, and not an access later. */
static long append(long file, size_t nbytes, size_t offset)
{
	long n = arch_syscall(SYS_pwrite64, file, (long)pagemap.zeros, (long)nbytes, (long)offset,
			      0, 0);

	if (n < 0)
		return n;
	if (n != (long)nbytes)
		return -ENOSPC;
	return arch_syscall(SYS_mmap, 0, (long)nbytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, file, (long)offset);
}

void *sys_file_append(const char *path, size_t offset, size_t nbytes, int *err)
{
	long file = arch_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0);
	long ret = file < 0 ? file : append(file, nbytes, offset);

	if (file >= 0)
		arch_syscall(SYS_close, file, 0, 0, 0, 0, 0);
	*err = ret < 0 && ret > -4096 ? (int)ret : 0;
	return *err ? NULL : (void *)ret;
}

void sys_path_absolute(char *path, size_t nbytes, const char *name)
{
	long n = *name == '/' ? 1 : arch_syscall(SYS_getcwd, (long)path, (long)nbytes, 0, 0, 0, 0);
	size_t at = n > 1 ? (size_t)n - 1 : 0;

	if (*name != '/' && at + 1 < nbytes)
		path[at++] = '/';
	while (*name && at + 1 < nbytes)
		path[at++] = *name++;
	path[at] = '\0';
}

void sys_yield(void)
{
	arch_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}
