/* SPDX-License-Identifier: MIT */
/*
 * Lines of numa_maps read "7f0000000000 default anon=3 dirty=3 N0=2 N1=1 …": where a
 * mapping starts, and how many of its pages of 4 KiB are on which node.
 */
#include "nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBYTES_PER_PAGE 4096
#define MAX_ZONES	4096 /* that are looked at; each is within a GiB of its own */

int nodes_are_several(void)
{
	FILE *f = fopen("/sys/devices/system/node/online", "re");
	char text[256] = "";

	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return strpbrk(text, ",-") != NULL;
}

static int in_a_zone(const struct snapshot *s, uint64_t addr)
{
	for (size_t i = 0; i < s->nzones && i < MAX_ZONES; i++)
		if (addr - s->zones[i].base < s->zones[i].reserved_nbytes)
			return 1;
	return 0;
}

/* What of each node there is. */
struct counts {
	uint64_t resident, committed, slabs;
};

static void add_line(struct counts *counts, const char *line)
{
	for (const char *at = strstr(line, " N"); at; at = strstr(at + 1, " N")) {
		uint64_t pages;
		unsigned node;

		if (sscanf(at, " N%u=%" SCNu64, &node, &pages) == 2 && node < NODES_MAX)
			counts[node].resident += pages * NBYTES_PER_PAGE;
	}
}

static void add_file(struct counts *counts, FILE *f, const struct snapshot *s)
{
	char *line = NULL;
	size_t size = 0;
	uint64_t start;

	while (getline(&line, &size, f) > 0)
		if (sscanf(line, "%" SCNx64, &start) == 1 && in_a_zone(s, start))
			add_line(counts, line);
	free(line);
}

static void add_placed(struct counts *counts, const struct snapshot *s)
{
	for (size_t i = 0; i < s->nzones; i++)
		if (s->zones[i].node >= 0)
			counts[s->zones[i].node].committed += s->zones[i].committed_nbytes;
	for (size_t i = 0; i < s->ncaches; i++)
		for (size_t k = 0; k < s->caches[i].non; k++)
			counts[s->caches[i].on[k].node].slabs += s->caches[i].on[k].nslabs;
}

static void list_them(struct nodes *n, const struct counts *counts)
{
	n->list = calloc(NODES_MAX, sizeof(*n->list));
	for (int node = 0; n->list && node < NODES_MAX; node++) {
		if (!counts[node].resident && !counts[node].committed)
			continue;
		n->list[n->n++] = (struct node_view){
			.node = node,
			.resident_nbytes = counts[node].resident,
			.committed_nbytes = counts[node].committed,
			.nslabs = counts[node].slabs,
		};
		n->resident_nbytes += counts[node].resident;
	}
}

int nodes_are_placed(const struct snapshot *s)
{
	for (size_t i = 0; i < s->nzones; i++)
		if (s->zones[i].node >= 0)
			return 1;
	return 0;
}

void nodes_read(struct nodes *n, const struct snapshot *s)
{
	struct counts *counts = calloc(NODES_MAX, sizeof(*counts));
	char path[48];
	FILE *f;

	memset(n, 0, sizeof(*n));
	if (!counts)
		return;
	snprintf(path, sizeof(path), "/proc/%d/numa_maps", (int)s->pid);
	f = s->pid ? fopen(path, "re") : NULL;
	if (f) {
		add_file(counts, f, s);
		fclose(f);
	}
	add_placed(counts, s);
	list_them(n, counts);
	free(counts);
}

void nodes_free(struct nodes *n)
{
	free(n->list);
	memset(n, 0, sizeof(*n));
}
