/* SPDX-License-Identifier: MIT */
/*
 * Each process of /proc is tried in turn, as if it had been named: whoever
 * publishes a root uses libkmem, and no name of a file is taken for a sign.
 */
#include "processes.h"

#include "arrays.h"
#include "snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void process_read_name(char *name, size_t nbytes, pid_t pid)
{
	char path[32];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(name, 1, nbytes - 1, f);
		fclose(f);
	}
	name[n] = 0;
	name[strcspn(name, "\n")] = 0;
	for (; *name; name++)
		if (*name < ' ' || *name > '~')
			*name = '?';
}

static void add_up(struct process_view *v, const struct snapshot *s)
{
	for (size_t i = 0; i < s->ncaches; i++) {
		const struct cache_view *c = &s->caches[i];

		v->nslabs += c->nslabs;
		v->objects += c->objects;
		v->active += c->active;
		v->parked += c->parked;
		v->slab_nbytes += c->nslabs * c->slab_nbytes;
	}
	v->nthreads = s->nthreads;
	for (size_t i = 0; i < s->nzones; i++)
		v->committed_nbytes += s->zones[i].committed_nbytes;
	for (size_t i = 0; i < s->nheaps; i++)
		v->heap_live_nbytes += s->heaps[i].live_nbytes;
	v->mapped_nbytes = s->mapped_nbytes;
}

static struct process_view *add(struct processes *p)
{
	struct process_view *list = array_grown(p->list, p->n, sizeof(*list));

	if (!list)
		return NULL;
	p->list = list;
	memset(&list[p->n], 0, sizeof(*list));
	return &list[p->n++];
}

static int look_at(struct processes *p, pid_t pid)
{
	struct process_view *v;
	struct snapshot s;
	struct target t;
	int rc = snapshot_take_pid(&s, &t, pid);

	if (rc) {
		p->nforbidden += rc == -EPERM;
		p->nfailed += rc != -EPERM && rc != -ENOENT && rc != -ESRCH && rc != -ENOMEM;
		return rc == -ENOMEM ? rc : 0;
	}
	v = add(p);
	if (v) {
		v->pid = pid;
		process_read_name(v->name, sizeof(v->name), pid);
		add_up(v, &s);
	}
	snapshot_free(&s);
	return v ? 0 : -ENOMEM;
}

static int by_pid(const void *a, const void *b)
{
	const struct process_view *v = a, *w = b;

	return v->pid < w->pid ? -1 : v->pid > w->pid;
}

int processes_list(struct processes *p)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	char *end;
	int rc = 0;
	long pid;

	memset(p, 0, sizeof(*p));
	if (!proc)
		return -errno;
	while (!rc && (entry = readdir(proc))) {
		pid = strtol(entry->d_name, &end, 10);
		if (pid > 0 && !*end)
			rc = look_at(p, (pid_t)pid);
	}
	closedir(proc);
	if (rc)
		processes_free(p);
	else if (p->n)
		qsort(p->list, p->n, sizeof(p->list[0]), by_pid);
	return rc;
}

void processes_free(struct processes *p)
{
	free(p->list);
	memset(p, 0, sizeof(*p));
}
