// SPDX-License-Identifier: MIT
/*
 * kmemtop's readers of geometry against a target that lies: of what is read from a real one, words
 * are replaced at random. Whatever they are told, what they return keeps its promises
 * (geometry.h), and all that is printed of it is made without a fault.
 *
 *	map_fuzz MAP_TARGET SECONDS [SEED]
 */
#include "tools/kmemtop/html.h"
#include "tools/kmemtop/map.h"
#include "tools/kmemtop/whatis.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAMES 64

static uint64_t state;	/* of the random numbers */
static unsigned rarely; /* one word in so many is a lie; 0: none */
static uint64_t addrs[NAMES];
static size_t naddrs;

/* G. Steele and others, "Fast Splittable Pseudorandom Number Generators", 2014. */
static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t lie(uint64_t truth)
{
	switch (next() % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return next();
	case 3:
		return truth ^ (uint64_t)1 << next() % 64;
	case 4:
		return truth + next() % 4096;
	case 5:
		return addrs[next() % naddrs];
	case 6:
		return next() % 4096;
	default:
		return truth << 32 | truth >> 32;
	}
}

static void corrupt(char *bytes, size_t nbytes)
{
	uint64_t word;

	if (!rarely)
		return;
	for (size_t i = next() % rarely * 8; i + 8 <= nbytes;
	     i += (1 + next() % (2 * rarely)) * 8) {
		memcpy(&word, bytes + i, 8);
		word = lie(word);
		memcpy(bytes + i, &word, 8);
	}
}

int __real_target_read(struct target *t, uint64_t addr, void *buf, size_t nbytes);
int __real_target_read_parts(struct target *t, struct target_part *parts, size_t n);
int __wrap_target_read(struct target *t, uint64_t addr, void *buf, size_t nbytes);
int __wrap_target_read_parts(struct target *t, struct target_part *parts, size_t n);

int __wrap_target_read(struct target *t, uint64_t addr, void *buf, size_t nbytes)
{
	int rc = __real_target_read(t, addr, buf, nbytes);

	if (!rc)
		corrupt(buf, nbytes);
	return rc;
}

int __wrap_target_read_parts(struct target *t, struct target_part *parts, size_t n)
{
	int rc = __real_target_read_parts(t, parts, n);

	for (size_t i = 0; !rc && i < n; i++)
		if (parts[i].ok)
			corrupt(parts[i].buf, parts[i].nbytes);
	return rc;
}

/* --- promises ---------------------------------------------------------------------------- */

#define PROMISE(holds)                                                                             \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			printf("not ok - line %d: %s\n", __LINE__, #holds);                        \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void check_text(const char *text, size_t size)
{
	PROMISE(memchr(text, 0, size));
	for (; *text; text++)
		PROMISE(*text >= ' ' && *text <= '~');
}

static void check_runs(const struct geometry *g)
{
	uint64_t last = 0;

	for (size_t i = 0; i < g->nzones; i++) {
		const struct geometry_zone *z = &g->zones[i];
		uint64_t end = z->base + z->committed * GEOMETRY_PAGE;

		PROMISE(z->base >= last && z->committed <= z->npages);
		PROMISE(z->first_run + z->nruns <= g->nruns);
		last = z->base;
		for (size_t r = z->first_run; r < z->first_run + z->nruns; r++) {
			const struct geometry_run *run = &g->runs[r];

			PROMISE(run->addr >= last && run->npages);
			last = run->addr + (uint64_t)run->npages * GEOMETRY_PAGE;
			PROMISE(last <= end);
			PROMISE(run->owner == GEOMETRY_NOBODY ||
				(run->kind == GEOMETRY_SLAB && run->owner < g->nslabs) ||
				(run->kind == GEOMETRY_SPAN && run->owner < g->nspans));
		}
		last = z->base + z->npages * GEOMETRY_PAGE;
	}
}

static void check_slabs(const struct geometry *g)
{
	for (size_t i = 0; i < g->nslabs; i++) {
		const struct geometry_slab *s = &g->slabs[i];
		const struct geometry_cache *c = &g->caches[s->cache];

		PROMISE(s->cache < g->ncaches && s->nobjects && s->addr == s->base - c->left);
		PROMISE((uint64_t)s->nobjects * c->pub.stride <=
			(uint64_t)c->pub.slab_pages * GEOMETRY_PAGE);
		PROMISE((uint64_t)s->home + s->parked + s->in_use <= s->nobjects);
		PROMISE(!i || s[-1].addr < s->addr);
	}
	for (size_t i = 0; i < g->ncaches; i++) {
		PROMISE(g->caches[i].first_slab + g->caches[i].nslabs <= g->nslabs);
		check_text(g->caches[i].name, sizeof(g->caches[i].name));
	}
}

static void check_blocks(const struct geometry *g)
{
	for (size_t i = 0; i < g->nspans; i++) {
		const struct geometry_span *span = &g->spans[i];

		PROMISE(span->heap == GEOMETRY_NOBODY || span->heap < g->nheaps);
		PROMISE(span->first_block + span->nblocks <= g->nblocks);
		for (size_t b = 0; b < span->nblocks; b++) {
			const struct geometry_block *block = &g->blocks[span->first_block + b];

			PROMISE(block->addr - span->base < span->nbytes);
			PROMISE(block->addr + block->nbytes <= span->base + span->nbytes);
			PROMISE(!b || block[-1].addr + block[-1].nbytes <= block->addr);
		}
	}
	for (size_t i = 0; i < g->nheaps; i++) {
		check_text(g->heaps[i].name, sizeof(g->heaps[i].name));
		PROMISE(geometry_fragmentation(&g->heaps[i]) <= 100);
	}
	for (size_t i = 1; i < g->nparked; i++)
		PROMISE(g->parked[i - 1].object < g->parked[i].object);
	for (size_t i = 1; i < g->nmappings; i++)
		PROMISE(g->mappings[i - 1].addr +
				(uint64_t)g->mappings[i - 1].npages * GEOMETRY_PAGE <=
			g->mappings[i].addr);
}

/* --- rounds -------------------------------------------------------------------------------- */

static int is_clean(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != '\n' && (unsigned char)text[i] < ' ')
			return 0;
	return 1;
}

static void print_all(const struct geometry *g, struct target *t)
{
	struct geometry_site sites[8];
	size_t n = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &n), *null = fopen("/dev/null", "w");

	map_print(out, g);
	for (int i = 0; i < 2; i++)
		whatis_print(out, t, addrs[next() % naddrs]);
	fclose(out);
	PROMISE(is_clean(text, n));
	free(text);
	html_print(null, g, t);
	for (size_t i = 0; i < g->ncaches; i++)
		PROMISE(geometry_sites(g, t, &g->caches[i], sites, 8) <= 8);
	fclose(null);
}

/* Whether anything could be read. */
static int one_round(pid_t pid)
{
	struct geometry g;
	struct target t;
	int rc;

	rarely = 0;
	if (target_open(&t, pid)) {
		printf("not ok - %s\n", t.why);
		exit(1);
	}
	rarely = (unsigned[]){0, 3, 30, 300, 3000, 30000}[next() % 6];
	alarm(60);
	rc = geometry_read(&g, &t);
	if (!rc) {
		check_runs(&g);
		check_slabs(&g);
		check_blocks(&g);
		print_all(&g, &t);
		geometry_free(&g);
	}
	check_text(t.why, sizeof(t.why));
	target_close(&t);
	return !rc;
}

static pid_t start(const char *path, FILE **lines)
{
	char line[128];
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		exit(1);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], 1);
		setenv("KMEM_OPTIONS", "kfence_sample_interval:1", 1);
		execl(path, path, "guarded", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	*lines = fdopen(ends[0], "r");
	while (fgets(line, sizeof(line), *lines) && strncmp(line, "ready", 5))
		if (naddrs < NAMES && strchr(line, ' '))
			addrs[naddrs++] = strtoull(strchr(line, ' '), NULL, 10);
	return pid;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 5);
	unsigned rounds = 0, read = 0;
	FILE *lines;
	pid_t pid;

	if (argc < 2)
		return 2;
	setenv("KMEM_SYMBOLS", "", 1); /* it is asked for names of what is true, or not at all */
	setvbuf(stdout, NULL, _IOLBF, 0);
	pid = start(argv[1], &lines);
	state = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);
	do {
		uint64_t seed = state;

		printf("# seed 0x%" PRIx64 "\r", seed);
		read += (unsigned)one_round(pid);
		rounds++;
		state = seed + 1;
	} while (time(NULL) < end && argc <= 3);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fclose(lines);
	printf("\n%s - %u rounds, something to show in %u\n", read || argc > 3 ? "ok" : "not ok",
	       rounds, read);
	return !read && argc <= 3;
}
