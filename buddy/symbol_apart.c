// SPDX-License-Identifier: MIT
/* Processes in our memory: see symbol_apart.h. */
#include "buddy/symbol_apart.h"

#include "buddy/arch.h"
#include "buddy/arch_clone.h"
#include "buddy/sys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#define MOST_MS		4000u /* longer than it is to take */
#define FIRST_REST_US	50l
#define LONGEST_REST_US 5000l
#define KERNEL_SET	8 /* bytes of the kernel's sigset_t */

static void rest_us(long us)
{
	struct timespec rest = {.tv_nsec = us * 1000};

	arch_syscall(SYS_nanosleep, (long)&rest, 0, 0, 0, 0, 0);
}

/* By looking again and again: a wait without a limit is none for us. */
bool symbol_reap(long pid, int *status, unsigned most_ms)
{
	uint32_t begin = sys_now_ms();
	long us = FIRST_REST_US;

	*status = -1;
	for (;;) {
		long ret = arch_syscall(SYS_wait4, pid, (long)status, WNOHANG | __WALL, 0, 0, 0);

		if (ret != 0 && ret != -EINTR)
			return true; /* or it is no longer there */
		if (sys_now_ms() - begin > most_ms)
			return false;
		rest_us(us);
		us = us < LONGEST_REST_US ? 2 * us : us;
	}
}

long symbol_child(int (*run)(void *arg), void *arg, void *stack, size_t nbytes)
{
	return arch_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, (char *)stack + nbytes, run, arg);
}

int symbol_apart(int (*run)(void *arg), void *arg, void *stack, size_t nbytes)
{
	uint64_t all = ~0ull, before;
	int status = -1;
	long pid;

	if (arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, KERNEL_SET, 0,
			 0) < 0)
		return -1;
	/* 0: no signal at its end, and not among those that waitpid(-1) looks at. */
	pid = arch_clone(CLONE_VM | CLONE_VFORK, (char *)stack + nbytes, run, arg);
	if (pid > 0)
		symbol_reap(pid, &status, MOST_MS);
	arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, KERNEL_SET, 0, 0);
	return pid > 0 && status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
