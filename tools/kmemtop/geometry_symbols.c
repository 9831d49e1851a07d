// SPDX-License-Identifier: MIT
/* A program at the other end of a socket, one line a question: see buddy/symbol_helper.h. */
#include "geometry_symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 2000

struct symbols {
	int fd; /* -1: it does not run */
	pid_t pid;
	size_t n; /* bytes of the answer */
	char answer[8192];
};

/* Beside kmemtop in a build tree, in libexec once installed. */
static int find(char *path, size_t size)
{
	const char *const places[] = {"/kmem-symbols", "/../" KMEMTOP_LIBEXECDIR "/kmem-symbols"};
	const char *given = getenv("KMEM_SYMBOLS");
	char exe[PATH_MAX], *slash;
	ssize_t n;

	if (given)
		return *given && snprintf(path, size, "%s", given) < (int)size;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = 0;
	slash = strrchr(exe, '/');
	if (!slash)
		return 0;
	*slash = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, size, "%s%s", exe, places[i]) < (int)size && !access(path, X_OK))
			return 1;
	return 0;
}

static _Noreturn void become(const char *path, int fd)
{
	char *const argv[] = {(char *)"kmem-symbols", NULL}, *const environment[] = {NULL};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(null, 2) < 0)
		_exit(127);
	execve(path, argv, environment);
	_exit(127);
}

struct symbols *symbols_start(void)
{
	struct symbols *s = calloc(1, sizeof(*s));
	char path[2 * PATH_MAX];
	int ends[2];

	if (!s)
		return NULL;
	s->fd = -1;
	if (!find(path, sizeof(path)) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return s;
	s->pid = fork();
	if (!s->pid)
		become(path, ends[1]);
	close(ends[1]);
	if (s->pid > 0)
		s->fd = ends[0];
	else
		close(ends[0]);
	return s;
}

static void end(struct symbols *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->fd = -1;
}

void symbols_stop(struct symbols *s)
{
	if (s)
		end(s);
	free(s);
}

/* Whether there is a whole answer: it ends with an empty line. */
static int read_answer(struct symbols *s)
{
	struct pollfd fd = {.fd = s->fd, .events = POLLIN};

	for (s->n = 0; s->n < sizeof(s->answer) - 1;) {
		ssize_t got = poll(&fd, 1, WAIT_MS) > 0
				      ? read(s->fd, s->answer + s->n, sizeof(s->answer) - 1 - s->n)
				      : 0;

		if (got <= 0)
			return 0;
		s->n += (size_t)got;
		s->answer[s->n] = 0;
		if (!strcmp(s->answer, "\n") || (s->n > 1 && !strcmp(s->answer + s->n - 2, "\n\n")))
			return 1;
	}
	return 0;
}

/* Text that may come from a stranger's file; returns the end. */
static char *append(char *at, const char *end, const char *text, size_t n)
{
	for (size_t i = 0; i < n && at < end; i++)
		*at++ = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	*at = 0;
	return at;
}

/* Function TAB place, of the last line TAB bounds. */
static void take_lines(char *answer, char *text, size_t size)
{
	const char *end = text + size - 1;
	char *save = NULL, *at = text;

	for (char *line = strtok_r(answer, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t function = strcspn(line, "\t"), place;
		const char *slash;

		if (at != text)
			at = append(at, end, " < ", 3);
		at = append(at, end, line, function);
		line += function + (line[function] == '\t');
		place = strcspn(line, "\t");
		line[place] = 0;
		slash = strrchr(line, '/');
		if (slash)
			line = (char *)slash + 1;
		if (*line && function)
			at = append(at, end, " ", 1);
		at = append(at, end, line, strlen(line));
	}
}

int symbols_ask(struct symbols *s, const char *path, uint64_t addr, char *text, size_t size)
{
	char *question;
	int n, sent;

	text[0] = 0;
	if (s->fd < 0 || !size || strchr(path, '\n'))
		return 0;
	n = asprintf(&question, "%s %" PRIx64 "\n", path, addr);
	if (n < 0)
		return 0;
	sent = send(s->fd, question, (size_t)n, MSG_NOSIGNAL) == n && read_answer(s);
	free(question);
	if (!sent) {
		end(s);
		return 0;
	}
	take_lines(s->answer, text, size);
	return text[0] != 0;
}
