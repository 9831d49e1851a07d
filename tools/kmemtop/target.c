/* SPDX-License-Identifier: MIT */
/*
 * Reads go through process_vm_readv, which needs the rights of a debugger but
 * stops nobody. Scattered reads go in batches: the call ends at the first piece
 * it cannot reach, so the batch is taken up again behind that piece.
 */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define BUDGET_NBYTES ((uint64_t)1 << 30)
#define PART_COST     128 /* what a piece costs, however short, in bytes */
#define BATCH	      512 /* pieces per call; the kernel's limit is 1024 */

int target_fail(struct target *t, int err, const char *format, ...)
{
	char text[TARGET_WHY];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(t->why, sizeof(t->why), "process %d: %.130s", (int)t->pid, text);
	return -err;
}

/* A failure that lies with the process as a whole. */
static int lost(struct target *t, int err)
{
	switch (err) {
	case ESRCH:
	case ENOENT:
		return target_fail(t, ESRCH, "it has ended");
	case EPERM:
	case EACCES:
		return target_fail(t, EPERM,
				   "not permitted: it belongs to someone else or is protected");
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

void target_open_thread(struct target *t, pid_t pid, pid_t tid)
{
	memset(t, 0, sizeof(*t));
	t->pid = pid;
	t->tid = tid;
	t->budget = BUDGET_NBYTES;
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

static int charge(struct target *t, uint64_t nbytes)
{
	if (nbytes > t->budget)
		return target_fail(t, E2BIG, "its records are too many to be true");
	t->budget -= nbytes;
	return 0;
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

int target_read_parts(struct target *t, struct target_part *parts, size_t nparts)
{
	size_t at = 0, n;
	ssize_t settled;
	int rc;

	for (n = 0; n < nparts; n++) {
		rc = charge(t, parts[n].nbytes + PART_COST);
		if (rc)
			return rc;
	}
	while (at < nparts) {
		n = nparts - at < BATCH ? nparts - at : BATCH;
		settled = read_batch(t, parts + at, n);
		if (settled < 0)
			return (int)settled;
		at += (size_t)settled;
	}
	return 0;
}

int target_read(struct target *t, uint64_t addr, void *buf, size_t nbytes)
{
	struct target_part part = {.addr = addr, .buf = buf, .nbytes = nbytes};
	int rc = target_read_parts(t, &part, 1);

	if (rc)
		return rc;
	if (!part.ok)
		return target_fail(t, EFAULT, "nothing can be read at 0x%" PRIx64, addr);
	return 0;
}

int target_walk(struct target *t, const struct target_list *list)
{
	/* Brent: compare with a mark that is set anew after 1, 2, 4, ... steps. */
	uint64_t addr = list->first, mark = 0, steps = 0, lap = 1;
	int rc;

	while (addr) {
		if (addr == mark)
			return target_fail(t, ELOOP, "its list of %s does not end", list->name);
		if (++steps == lap) {
			mark = addr;
			lap *= 2;
		}
		rc = target_read(t, addr, list->record, list->nbytes);
		if (rc == -EFAULT)
			return target_fail(t, EFAULT,
					   "its list of %s leads to 0x%" PRIx64 ", not mapped",
					   list->name, addr);
		if (!rc)
			rc = list->each(list->context, list->record);
		if (rc)
			return rc;
		memcpy(&addr, list->record, sizeof(addr));
	}
	return 0;
}
