/* SPDX-License-Identifier: MIT */
/*
 * A thread that may make no system call from here on, by seccomp: only exit, the return
 * from a signal handler, and no_calls_sleep, known by a number in an argument that the
 * call does not have.
 */
#ifndef TESTS_NO_CALLS_H
#define TESTS_NO_CALLS_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NO_CALLS_COOKIE 0x6b6d656du

#if defined(__x86_64__)
#define NO_CALLS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NO_CALLS_ARCH AUDIT_ARCH_AARCH64
#endif

/* What happens to other calls: SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP. false: there is no
 * seccomp.
 */
static inline bool no_calls_begin(uint32_t others)
{
#ifdef NO_CALLS_ARCH
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NO_CALLS_ARCH, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_nanosleep, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NO_CALLS_COOKIE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, others),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#else
	(void)others;
	return false;
#endif
}

static inline void no_calls_sleep(unsigned us)
{
	struct timespec rest = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &rest, NULL, 0, NO_CALLS_COOKIE);
}

#endif
