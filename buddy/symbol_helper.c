// SPDX-License-Identifier: MIT
/* Starting kmem-symbols and talking to it: see symbol_helper.h. */
#include "buddy/symbol_helper.h"

#include "buddy/arch.h"
#include "buddy/report.h"
#include "buddy/symbol_apart.h"
#include "buddy/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef KMEM_SYMBOLS_PATH
#define KMEM_SYMBOLS_PATH ""
#endif

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define NAME	  "kmem-symbols"
#define ANSWER_MS 2000u
#define END_MS	  500u

extern char **environ;
/* glibc's dynamic loader: the stack as the kernel left it, argc first. */
extern void *__libc_stack_end __attribute__((weak));

static const char *_Atomic set_path;
static _Atomic bool given_up; /* it was not to be run, or gave no answer */

/* As the program was started: what setenv made is in the heap, which may be the one in trouble. */
static const char *variable(const char *name)
{
	size_t len = strlen(name);
	char **env = environ;

	if (&__libc_stack_end && __libc_stack_end)
		env = (char **)__libc_stack_end + 1 + *(long *)__libc_stack_end + 1;
	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* Which to run, if one was named. */
static const char *named(void)
{
	const char *path = atomic_load_explicit(&set_path, memory_order_relaxed);

	return path ? path : variable("KMEM_SYMBOLS");
}

void symbol_helper_set(const char *path)
{
	atomic_store_explicit(&set_path, path, memory_order_relaxed);
	atomic_store_explicit(&given_up, false, memory_order_relaxed);
}

bool symbol_helper_wanted(void)
{
	const char *path;

	if (sys_secure() || atomic_load_explicit(&given_up, memory_order_relaxed))
		return false;
	path = named();
	return !path || *path;
}

/* Above those that a program expects at 0, 1 and 2, some of which may be free. */
static long move_up(long fd)
{
	long up = arch_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1, 0, 0, 0);

	arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return up;
}

static long make_socket(int ends[2])
{
	/* No pipes: who writes to a broken one gets a signal, if only later. */
	return arch_syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (long)ends, 0,
			    0);
}

/* This process may take more files than the program allows itself. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (arch_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	arch_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0);
}

/* Those that a program expects at 0, 1 and 2 stay. */
static void close_others(void)
{
	arch_syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0, 0, 0, 0);
}

static bool connect_ends(struct symbol_helper *helper)
{
	int ends[2];

	raise_limit();
	if (make_socket(ends) < 0) {
		close_others(); /* copies of the program's: there may be no room for ours */
		if (make_socket(ends) < 0)
			return false;
	}
	helper->fd = move_up(ends[0]);
	helper->theirs = move_up(ends[1]);
	return helper->fd >= 0 && helper->theirs >= 0;
}

/* No environment: neither LD_PRELOAD, which may be us, nor a server to ask for debug information.
 */
static void execute(const char *path)
{
	static const char *const args[] = {NAME, NULL}, *const none[] = {NULL};

	arch_syscall(SYS_execve, (long)path, (long)args, (long)none, 0, 0, 0);
}

/* In the child, which shares our memory: nothing but what ends in execve. */
static int run_helper(void *arg)
{
	static const char *const near[] = {
		"../libexec/libkmem/" NAME,
		"../../libexec/libkmem/" NAME, /* from lib/x86_64-linux-gnu */
		"../bin/" NAME,		       /* where it is built */
	};
	struct symbol_helper *helper = arg;
	long null = arch_syscall(SYS_openat, AT_FDCWD, (long)"/dev/null", O_WRONLY, 0, 0, 0);

	if (null != STDERR_FILENO && arch_syscall(SYS_dup3, null, STDERR_FILENO, 0, 0, 0, 0) < 0)
		arch_syscall(SYS_close, STDERR_FILENO, 0, 0, 0, 0, 0);
	arch_syscall(SYS_dup3, helper->theirs, STDIN_FILENO, 0, 0, 0, 0);
	arch_syscall(SYS_dup3, helper->theirs, STDOUT_FILENO, 0, 0, 0, 0);
	close_others();
	if (helper->only) {
		execute(helper->only);
		return 127;
	}
	execute(KMEM_SYMBOLS_PATH);
	for (size_t i = 0; *helper->beside && i < sizeof(near) / sizeof(near[0]); i++) {
		report_format(helper->path, sizeof(helper->path), "%s%s", helper->beside, near[i]);
		execute(helper->path);
	}
	return 127;
}

/* The directory of the library we are in, or of the program; not one that depends on where we are.
 */
static void find_beside(struct symbol_helper *helper, struct symbol_module *module)
{
	size_t len = 0;

	helper->beside[0] = '\0';
	if (!symbol_module_at(module, (uintptr_t)find_beside) || module->path[0] != '/')
		return;
	for (size_t i = 0; module->path[i]; i++)
		if (module->path[i] == '/')
			len = i + 1;
	memcpy(helper->beside, module->path, len);
	helper->beside[len] = '\0';
}

void symbol_helper_start(struct symbol_helper *helper, struct symbol_module *module)
{
	bool connected;

	helper->begin_ms = sys_now_ms();
	helper->fd = helper->theirs = helper->pid = -1;
	helper->only = named();
	connected = connect_ends(helper);
	if (!helper->only)
		find_beside(helper, module);
	if (connected)
		helper->pid =
			symbol_child(run_helper, helper, helper->stack, sizeof(helper->stack));
	if (helper->theirs >= 0)
		arch_syscall(SYS_close, helper->theirs, 0, 0, 0, 0, 0);
	if (helper->pid < 0)
		symbol_helper_stop(helper);
}

void symbol_helper_stop(struct symbol_helper *helper)
{
	int status;

	if (helper->fd >= 0)
		arch_syscall(SYS_close, helper->fd, 0, 0, 0, 0, 0);
	helper->fd = -1;
	if (helper->pid < 0)
		return;
	arch_syscall(SYS_kill, helper->pid, SIGKILL, 0, 0, 0, 0);
	symbol_reap(helper->pid, &status, END_MS);
	helper->pid = -1;
}

/* Until there is something to read, or the time is over. */
static bool wait_for_answer(const struct symbol_helper *helper)
{
	for (;;) {
		uint32_t past = sys_now_ms() - helper->begin_ms;
		uint32_t left = past < ANSWER_MS ? ANSWER_MS - past : 0;
		struct timespec rest = {.tv_sec = left / 1000,
					.tv_nsec = (long)(left % 1000) * 1000000};
		struct pollfd end = {.fd = (int)helper->fd, .events = POLLIN};
		long ret;

		if (left == 0)
			return false;
		ret = arch_syscall(SYS_ppoll, (long)&end, 1, (long)&rest, 0, 0, 0);
		if (ret > 0 || (ret < 0 && ret != -EINTR))
			return ret > 0;
	}
}

static bool is_whole(const char *answer, size_t len)
{
	return (len == 1 && answer[0] == '\n') ||
	       (len >= 2 && answer[len - 1] == '\n' && answer[len - 2] == '\n');
}

static char *get_answer(struct symbol_helper *helper)
{
	size_t len = 0;

	while (len < sizeof(helper->answer) - 1) {
		long n;

		if (!wait_for_answer(helper))
			return NULL;
		n = arch_syscall(SYS_recvfrom, helper->fd, (long)(helper->answer + len),
				 (long)(sizeof(helper->answer) - 1 - len), MSG_DONTWAIT, 0, 0);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0)
			return NULL;
		len += (size_t)n;
		if (is_whole(helper->answer, len)) {
			helper->answer[len - 1] = '\0';
			return helper->answer;
		}
	}
	return NULL;
}

char *symbol_helper_ask(struct symbol_helper *helper, const char *path, uintptr_t offset)
{
	char *answer = NULL;
	size_t len;

	if (helper->fd < 0 || !*path || strchr(path, '\n'))
		return NULL;
	len = report_format(helper->answer, sizeof(helper->answer), "%s %p\n", path,
			    (void *)offset);
	if (arch_syscall(SYS_sendto, helper->fd, (long)helper->answer, (long)len,
			 MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0) == (long)len)
		answer = get_answer(helper);
	if (!answer) {
		atomic_store_explicit(&given_up, true, memory_order_relaxed);
		symbol_helper_stop(helper);
	}
	return answer;
}
