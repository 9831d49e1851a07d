/* SPDX-License-Identifier: MIT */
/*
 * A live process. Reads go through process_vm_readv, which needs the rights of
 * a debugger but stops nobody. Scattered reads go in batches: the call ends at
 * the first piece it cannot reach, so the batch is taken up again behind that
 * piece.
 *
 * Beside memory only /proc/PID/maps is read, and none of its files: they may be
 * deleted, or in another mount namespace.
 */
#include "rights.h"
#include "target_kind.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define BATCH 512 /* pieces per call; the kernel's limit is 1024 */

/* A failure that lies with the process as a whole. */
static int lost(struct target *t, int err)
{
	char right[TARGET_WHY];
	struct rights r;

	switch (err) {
	case ESRCH:
	case ENOENT:
		return target_fail(t, ESRCH, "it has ended");
	case EPERM:
	case EACCES:
		rights_look(&r, t->pid);
		rights_explain(&r, right, sizeof(right));
		return target_fail(t, EPERM, "not permitted: %s", right);
	case ENOSYS:
		return target_fail(t, err, "process_vm_readv is not available here");
	default:
		return target_fail(t, err, "%s", strerror(err));
	}
}

/* The state letter of a thread: the field behind the name, which may itself
 * contain parentheses. 0 if there is no such thread. */
static char thread_state(pid_t pid, const char *tid)
{
	char path[80], text[512];
	const char *end;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", (int)pid, tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : 0;
}

static int state_is_alive(char state)
{
	return state && !strchr("ZXx", state);
}

/* A thread that still has its memory, or 0: the first may have left the others
 * behind, and a process that waits for its parent has none. */
static pid_t living_thread(pid_t pid)
{
	char path[40];
	struct dirent *entry;
	pid_t found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%d", (int)pid);
	if (state_is_alive(thread_state(pid, path)))
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while (!found && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && state_is_alive(thread_state(pid, entry->d_name)))
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	closedir(dir);
	return found;
}

int target_open(struct target *t, pid_t pid)
{
	int err = kill(pid, 0) ? errno : 0;

	target_open_thread(t, pid, pid);
	if (err == ESRCH)
		return target_fail(t, ESRCH, "there is no such process");
	t->tid = living_thread(pid);
	return t->tid ? 0 : lost(t, err ? err : ESRCH); /* EPERM: /proc may hide it from us */
}

/* One call for parts[0..n), n <= BATCH. Returns how many parts are settled, of
 * which the last may be one that cannot be read; or -errno. */
static ssize_t read_batch(struct target *t, struct target_part *parts, size_t n)
{
	struct iovec here[BATCH], there[BATCH];
	size_t i, got;
	ssize_t rc;

	for (i = 0; i < n; i++) {
		here[i].iov_base = parts[i].buf;
		there[i].iov_base = (void *)(uintptr_t)parts[i].addr;
		here[i].iov_len = there[i].iov_len = parts[i].nbytes;
		parts[i].ok = 0;
	}
	rc = process_vm_readv(t->tid, here, n, there, n, 0);
	if (rc < 0 && errno != EFAULT)
		return lost(t, errno);
	got = rc < 0 ? 0 : (size_t)rc;
	for (i = 0; i < n && got >= parts[i].nbytes; i++) {
		got -= parts[i].nbytes;
		parts[i].ok = 1;
	}
	return (ssize_t)(i < n ? i + 1 : n);
}

static int read_parts(struct target *t, struct target_part *parts, size_t nparts)
{
	size_t at = 0, n;
	ssize_t settled;

	while (at < nparts) {
		n = nparts - at < BATCH ? nparts - at : BATCH;
		settled = read_batch(t, parts + at, n);
		if (settled < 0)
			return (int)settled;
		at += (size_t)settled;
	}
	return 0;
}

static const char *missing(struct target *t, uint64_t addr)
{
	(void)t;
	(void)addr;
	return "is not mapped";
}

static int take_line(struct target_mapping *m, char *line)
{
	int path = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %n", &m->start,
		   &m->end, m->access, &m->offset, &m->inode, &path) != 5)
		return 0;
	m->path = path ? line + path : "";
	return 1;
}

static int mappings(struct target *t,
		    int (*each)(void *context, const struct target_mapping *mapping), void *context)
{
	struct target_mapping m = {.nameless = 0};
	char path[40], *line = NULL;
	size_t size = 0;
	FILE *maps;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)t->tid);
	maps = fopen(path, "re");
	if (!maps)
		return lost(t, errno);
	while (!rc && getline(&line, &size, maps) > 0)
		if (take_line(&m, line))
			rc = each(context, &m);
	free(line);
	fclose(maps);
	return rc;
}

const struct target_kind target_process = {
	.read_parts = read_parts,
	.mappings = mappings,
	.missing = missing,
};
