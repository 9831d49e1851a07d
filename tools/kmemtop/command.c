/* SPDX-License-Identifier: MIT */
/*
 * The command is traced for one reason: PTRACE_O_TRACEEXIT stops it when it is
 * about to end, by whatever way, while its memory is still whole. Everything
 * else that tracing brings up is passed on as if we were not there:
 *
 *	signal	 delivered unchanged
 *	stop	 left standing (PTRACE_LISTEN), so that SIGCONT works as ever
 *	clone	 threads are followed: any may be the last, or call exec
 *	fork	 not followed
 *
 * The figures at the end are those of the first thread's exit; if it left by
 * itself, as with pthread_exit in main, those of the last thread's.
 */
#include "command.h"

#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE_OPTIONS (PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE)

/* --- the child, before it is the command ------------------------------------- */

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		if (isatty(fd))
			dup2(null, fd);
}

/* Waits for the word to go, so that nothing of the command runs untraced. */
static _Noreturn void become_command(const struct command_options *o, int go, int errors)
{
	char word;
	int err;

	if (read(go, &word, 1) != 1)
		_exit(127);
	if (o->streams == COMMAND_OFF_TERMINAL)
		leave_terminal();
	err = -preload_set(o->library);
	if (!err) {
		execvp(o->argv[0], o->argv);
		err = errno;
	}
	while (write(errors, &err, sizeof(err)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* --- the parent --------------------------------------------------------------- */

static volatile sig_atomic_t forward_to;

static void forward(int sig)
{
	int saved = errno;

	if (forward_to)
		kill((pid_t)forward_to, sig);
	errno = saved;
}

/* The terminal's signals are for the command; we stay for its last figures. */
static void take_signals(pid_t pid)
{
	struct sigaction ignored = {.sa_handler = SIG_IGN};
	struct sigaction usual = {.sa_handler = SIG_DFL};
	struct sigaction passed_on = {.sa_handler = forward, .sa_flags = SA_RESTART};

	forward_to = pid;
	sigaction(SIGINT, &ignored, NULL);
	sigaction(SIGQUIT, &ignored, NULL);
	sigaction(SIGTERM, &passed_on, NULL);
	sigaction(SIGCHLD, &usual, NULL); /* or the status might be lost */
}

static int fail(struct command *c, int err, const char *what)
{
	snprintf(c->target.why, sizeof(c->target.why), "%s: %s", what, strerror(err));
	return -err;
}

static int adopt(struct command *c, int go)
{
	take_signals(c->pid);
	if (ptrace(PTRACE_SEIZE, c->pid, 0L, (long)TRACE_OPTIONS)) {
		int err = errno;

		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
		return fail(c, err, "the command cannot be traced");
	}
	if (write(go, "", 1) != 1)
		return fail(c, errno, "the command cannot be started");
	return 0;
}

int command_start(struct command *c, const struct command_options *o)
{
	int go[2], errors[2], rc;

	memset(c, 0, sizeof(*c));
	c->last_rc = -ENOENT;
	c->errors = -1;
	c->at_end = o->at_end;
	c->context = o->context;
	if (pipe2(go, O_CLOEXEC))
		return fail(c, errno, "no pipe");
	if (pipe2(errors, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return fail(c, errno, "no pipe");
	}
	c->pid = fork();
	if (!c->pid) {
		close(go[1]);
		become_command(o, go[0], errors[1]);
	}
	close(go[0]);
	close(errors[1]);
	c->errors = errors[0];
	rc = c->pid < 0 ? fail(c, errno, "the command cannot be started") : adopt(c, go[1]);
	close(go[1]);
	return rc;
}

/* Whether a thread that is stopped on its way out leaves by itself, so that the
 * others stay: it is inside exit(2), not exit_group(2), and no signal got it. */
static int leaves_alone(pid_t pid, pid_t tid)
{
	char path[64];
	long nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	f = fopen(path, "re");
	if (!f)
		return 1;
	if (fscanf(f, "%ld", &nr) != 1)
		nr = -1;
	fclose(f);
	return nr == SYS_exit;
}

static void on_exit_event(struct command *c, pid_t tid)
{
	if (tid != c->pid && !c->leader_left)
		return;
	snapshot_free(&c->last);
	target_open_thread(&c->target, c->pid, tid);
	c->last_rc = snapshot_take(&c->last, &c->target);
	if (!c->last_rc && c->at_end)
		c->last_rc = c->at_end(c->context, &c->target);
	if (tid == c->pid)
		c->leader_left = leaves_alone(c->pid, tid);
}

/* A clone that is no thread of the command's: a process of its own. */
static int is_stranger(const struct command *c, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)c->pid, (int)tid);
	return tid != c->pid && access(path, F_OK);
}

static void on_stop_event(struct command *c, pid_t tid, int sig)
{
	if (is_stranger(c, tid))
		ptrace(PTRACE_DETACH, tid, 0L, 0L);
	else if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
		ptrace(PTRACE_LISTEN, tid, 0L, 0L);
	else
		ptrace(PTRACE_CONT, tid, 0L, 0L);
}

static void on_stop(struct command *c, pid_t tid, int status)
{
	switch (status >> 16) {
	case 0:
		ptrace(PTRACE_CONT, tid, 0L, (long)WSTOPSIG(status));
		return;
	case PTRACE_EVENT_STOP:
		on_stop_event(c, tid, WSTOPSIG(status));
		return;
	case PTRACE_EVENT_EXIT:
		on_exit_event(c, tid);
		break;
	case PTRACE_EVENT_EXEC:
		c->leader_left = 0; /* whoever called exec is the first now */
		break;
	default:
		break;
	}
	ptrace(PTRACE_CONT, tid, 0L, 0L);
}

int command_step(struct command *c, enum command_wait wait)
{
	int status;
	pid_t tid = waitpid(-1, &status, __WALL | (wait == COMMAND_POLLS ? WNOHANG : 0));

	if (tid < 0 && errno == EINTR)
		return 1;
	if (tid <= 0)
		return 0;
	if (WIFSTOPPED(status)) {
		on_stop(c, tid, status);
	} else if (tid == c->pid) {
		forward_to = 0;
		c->status = status;
		c->ended = 1;
	}
	return 1;
}

int command_exec_error(struct command *c)
{
	int err = 0;

	if (read(c->errors, &err, sizeof(err)) != sizeof(err))
		err = 0;
	close(c->errors);
	c->errors = -1;
	return err;
}

int command_exit_code(const struct command *c)
{
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}
