/* SPDX-License-Identifier: MIT */
/*
 * mlockall under a limit and without CAP_IPC_LOCK: each block is writable or
 * refused with ENOMEM, and what could be had once can be had again after all
 * is free.
 *
 *	locked all	MCL_CURRENT | MCL_FUTURE, 64 MiB
 *	locked future	MCL_FUTURE, 8 MiB
 *
 * 77 if the limit cannot be set: raising it takes CAP_SYS_RESOURCE.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	return (int)syscall(SYS_capset, &header, data);
}

/* Fill up with blocks of one size until a refusal, at most 256 MiB; free them. */
static size_t fill(size_t nbytes)
{
	static void *block[1 << 16];
	size_t limit = ((size_t)256 << 20) / nbytes;
	size_t n = 0;

	errno = 0;
	while (n < limit && n < sizeof(block) / sizeof(block[0])) {
		block[n] = malloc(nbytes);
		if (!block[n])
			break;
		memset(block[n++], 1, nbytes);
	}
	if (n < limit && n < sizeof(block) / sizeof(block[0]) && errno != ENOMEM) {
		perror("malloc");
		exit(1);
	}
	for (size_t i = 0; i < n; i++)
		free(block[i]);
	return n;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {1000, 100, 20000, 200000, 1500000, 1000};
	int all = argc > 1 && strcmp(argv[1], "all") == 0;
	size_t first = 0, last = 0;
	rlim_t nbytes = (rlim_t)(all ? 64 : 8) << 20;

	if (setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){nbytes, nbytes}) < 0 ||
	    drop_ipc_lock() < 0) {
		perror("setrlimit, capset");
		return 77;
	}
	if (mlockall(all ? MCL_CURRENT | MCL_FUTURE : MCL_FUTURE) < 0) {
		perror("mlockall");
		return 1;
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		last = fill(sizes[i]);
		if (i == 0)
			first = last;
		printf("%zu blocks of %zu bytes\n", last, sizes[i]);
	}
	return all ? first == 0 || last == 0 : first > 0 && last == 0;
}
