/* SPDX-License-Identifier: MIT */
/* What both kinds of target have in common: the budget, messages, lists. */
#include "target.h"

#include "core.h"
#include "target_kind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUDGET_NBYTES ((uint64_t)1 << 30)
#define PART_COST     128  /* what a piece costs, however short, in bytes */
#define CALL_COST     1024 /* of a piece by itself: a system call, as a list takes for each record */
#define SHOWN_PATH    60   /* of the path of a core: its end */

/* Names of files come from the target and the command line. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void vsay(struct target *t, char *line, const char *format, va_list args)
{
	size_t at = strlen(line), path = t->path ? strlen(t->path) : 0;

	if (t->path)
		snprintf(line + at, TARGET_WHY - at,
			 "core %s: ", t->path + (path > SHOWN_PATH ? path - SHOWN_PATH : 0));
	else
		snprintf(line + at, TARGET_WHY - at, "process %d: ", (int)t->pid);
	at = strlen(line);
	vsnprintf(line + at, TARGET_WHY - at, format, args);
	make_printable(line);
}

int target_fail(struct target *t, int err, const char *format, ...)
{
	char line[TARGET_WHY] = "";
	va_list args;

	va_start(args, format);
	vsay(t, line, format, args);
	va_end(args);
	memcpy(t->why, line, sizeof(line)); /* which may be among args */
	return -err;
}

void target_note(struct target *t, const char *format, ...)
{
	va_list args;

	if (t->notes[0])
		strncat(t->notes, "; ", sizeof(t->notes) - strlen(t->notes) - 1);
	va_start(args, format);
	vsay(t, t->notes, format, args);
	va_end(args);
}

static void begin(struct target *t, const struct target_kind *kind)
{
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->budget = BUDGET_NBYTES;
}

void target_open_thread(struct target *t, pid_t pid, pid_t tid)
{
	begin(t, &target_process);
	t->pid = pid;
	t->tid = tid;
}

int target_open_core(struct target *t, const char *path, const char *exe)
{
	begin(t, &target_core);
	t->path = path;
	return core_open(t, exe);
}

void target_close(struct target *t)
{
	if (t->core)
		core_close(t->core);
	t->core = NULL;
}

int target_renew(struct target *t)
{
	if (!t->core)
		return target_open(t, t->pid);
	t->budget = BUDGET_NBYTES;
	return 0;
}

int target_is_still(const struct target *t)
{
	return t->kind == &target_core;
}

static int charge(struct target *t, uint64_t nbytes)
{
	if (nbytes > t->budget)
		return target_fail(t, E2BIG, "its records are too many to be true");
	t->budget -= nbytes;
	return 0;
}

int target_read_parts(struct target *t, struct target_part *parts, size_t nparts)
{
	int rc;

	for (size_t i = 0; i < nparts; i++) {
		rc = charge(t, parts[i].nbytes + PART_COST);
		if (rc)
			return rc;
	}
	return t->kind->read_parts(t, parts, nparts);
}

int target_read(struct target *t, uint64_t addr, void *buf, size_t nbytes)
{
	struct target_part part = {.addr = addr, .buf = buf, .nbytes = nbytes};
	int rc = charge(t, CALL_COST);

	if (!rc)
		rc = target_read_parts(t, &part, 1);

	if (rc)
		return rc;
	if (!part.ok)
		return target_fail(t, EFAULT, "0x%" PRIx64 " %s", addr, target_missing(t, addr));
	return 0;
}

const char *target_missing(struct target *t, uint64_t addr)
{
	return t->kind->missing(t, addr);
}

int target_mappings(struct target *t,
		    int (*each)(void *context, const struct target_mapping *mapping), void *context)
{
	return t->kind->mappings(t, each, context);
}

void target_root(const struct target *t, char *path, size_t nbytes)
{
	path[0] = 0;
	if (!t->core)
		snprintf(path, nbytes, "/proc/%d/root", (int)t->tid);
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
					   "its list of %s leads to 0x%" PRIx64 ", which %s",
					   list->name, addr, target_missing(t, addr));
		if (!rc)
			rc = list->each(list->context, list->record);
		if (rc)
			return rc;
		memcpy(&addr, list->record, sizeof(addr));
	}
	return 0;
}
