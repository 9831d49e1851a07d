// SPDX-License-Identifier: MIT
/* Stacks in words where nothing works as usual, and calls fail. */
#include "symbol_fixture.h"

#include "faults.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NTHREADS 4

static long refused; /* a system call, or -1: all that it may do without */

static void print_without_files(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_NOFILE, &none);
	print();
}

/* A process apart may have more. */
static void print_under_a_soft_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
	symbol_helper_set("/none");
	print();
}

static void print_when_all_are_used(void)
{
	struct rlimit limit = {64, 64};

	setrlimit(RLIMIT_NOFILE, &limit);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	symbol_helper_set("/none");
	print();
}

START_TEST(without_files)
{
	set_known();
	expect_text(print_without_files, "+0x");
	expect_text(print_under_a_soft_limit, "\tknown+0x2/0x");
	expect_text(print_when_all_are_used, "\tknown+0x2/0x");
}
END_TEST

static void print_with_standard_files_closed(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	print();
	close(STDERR_FILENO);
	print();
}

START_TEST(without_standard_files)
{
	set_known();
	expect_text(print_with_standard_files_closed, "\tknown+0x2/0x");
}
END_TEST

static int root_fd; /* of a directory that is removed already, so nothing is left of it */

static void print_in_empty_root(void)
{
	if (fchdir(root_fd) != 0 || chroot(".") != 0) {
		write(STDERR_FILENO, "\ttest_symbol_states+0x", 22); /* we may not */
		return;
	}
	print();
	set_frame((uintptr_t)lcong48 + 1);
	print();
}

START_TEST(in_an_empty_root)
{
	char root[] = "symbol-root-XXXXXX"; /* in the folder the test runs in */

	set_known();
	ck_assert_ptr_nonnull(mkdtemp(root));
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rmdir(root);
	ck_assert_int_ge(root_fd, 0);
	expect_text(print_in_empty_root, "\ttest_symbol_states+0x");
	close(root_fd);
}
END_TEST

static void print_without_memory(void)
{
	faults_refuse(FAULT_MMAP);
	print();
	print();
}

START_TEST(without_memory)
{
	set_known();
	ck_assert_uint_eq(unit_count(unit_child(print_without_memory).text, "\tknown+0x2/0x"), 2);
}
END_TEST

static void *print_often(void *unused)
{
	for (int i = 0; i < 20; i++)
		print();
	return unused;
}

static void print_in_threads(void)
{
	pthread_t threads[NTHREADS];

	for (int i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, print_often, NULL);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
}

static void print_in_threads_without_memory(void)
{
	pthread_t thread;

	faults_refuse(FAULT_MMAP);
	pthread_create(&thread, NULL, print_often, NULL);
	print_often(NULL);
	pthread_join(thread, NULL);
}

START_TEST(in_threads)
{
	struct last_words words;

	set_known();
	words = unit_child(print_in_threads);
	ck_assert_msg(words.status == 0, "status %#x, %.2000s", (unsigned)words.status, words.text);
	ck_assert_uint_eq(unit_count(words.text, "\tknown+0x2/0x"), NTHREADS * 20);
	words = unit_child(print_in_threads_without_memory);
	ck_assert_int_eq(words.status, 0);
	ck_assert_uint_eq(unit_count(words.text, "\t"), 2 * 20);
}
END_TEST

static void refuse(void)
{
	struct sock_filter always[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = always};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(77);
	print();
}

/* Each in turn: there is a line with an address in it, and an end in time. */
START_TEST(without_a_system_call)
{
	static const long calls[] = {
		SYS_openat,	SYS_fstat,    SYS_pread64,     SYS_readlinkat, SYS_clone,
		SYS_socketpair, SYS_fcntl,    SYS_close_range, SYS_execve,     SYS_ppoll,
		SYS_sendto,	SYS_recvfrom, SYS_wait4,       SYS_kill,       SYS_prlimit64,
		SYS_nanosleep,	SYS_dup3,     SYS_close,       SYS_getpid,     SYS_rt_sigprocmask,
		SYS_munmap,	SYS_mmap,
	};

	set_known();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct last_words words;

		if (UNDER_TSAN && calls[i] == SYS_mmap)
			continue; /* it needs some itself */
		refused = calls[i];
		words = unit_child(refuse);
		if (WIFEXITED(words.status) && WEXITSTATUS(words.status) == 77)
			return; /* no such filters here */
		ck_assert_msg(words.status == 0, "call %ld: status %#x, %s", calls[i],
			      (unsigned)words.status, words.text);
		ck_assert_msg(unit_count(words.text, "+0x") == 1, "call %ld: %s", calls[i],
			      words.text);
	}
}
END_TEST

UNIT_MAIN("symbol_states", without_files, without_standard_files, in_an_empty_root, without_memory,
	  in_threads, without_a_system_call)
