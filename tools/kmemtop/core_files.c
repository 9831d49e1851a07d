/* SPDX-License-Identifier: MIT */
/*
 * The files that a core says were mapped. Their names are a stranger's: only
 * regular files are opened, and one counts only if the core does not hold
 * another first page of it.
 */
#include "core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_NBYTES 4096

/* --- what NT_FILE says ------------------------------------------------------------ */

/*
 * uint64_t count, page_size; { uint64_t start, end, offset in pages }[count];
 * then as many paths, each with its terminator.
 */
struct note_entry {
	uint64_t start, end, offset;
};

static int by_start(const void *a, const void *b)
{
	const struct core_mapping *m = a, *n = b;

	return m->start < n->start ? -1 : m->start > n->start;
}

/* The index of a path, most often the last one seen. */
static size_t file_of(struct core *c, const char *path)
{
	size_t n = c->nfiles;

	if (!n || strcmp(c->files[n - 1].path, path))
		c->files[c->nfiles++] = (struct core_file){.path = path, .fd = -1};
	return c->nfiles - 1;
}

static void take_entries(struct core *c, const char *entries, size_t count, uint64_t page)
{
	char *path = c->paths, *end = path + strlen(path);

	for (size_t i = 0; i < count; i++) {
		struct note_entry e;

		memcpy(&e, entries + i * sizeof(e), sizeof(e));
		if (e.start < e.end)
			c->mappings[c->nmappings++] = (struct core_mapping){
				.start = e.start,
				.end = e.end,
				.offset = e.offset * page,
				.file = file_of(c, path),
			};
		path = end + 1;
		end = path + strlen(path);
	}
	qsort(c->mappings, c->nmappings, sizeof(c->mappings[0]), by_start);
}

int core_take_mappings(struct core *c, const char *note, size_t nbytes)
{
	uint64_t head[2];
	size_t text, room;

	if (nbytes < sizeof(head))
		return 0;
	memcpy(head, note, sizeof(head));
	room = nbytes - sizeof(head);
	if (head[0] > room / sizeof(struct note_entry))
		return 0;
	text = head[0] * sizeof(struct note_entry);
	c->mappings = calloc(head[0] + 1, sizeof(c->mappings[0]));
	c->files = calloc(head[0] + 1, sizeof(c->files[0]));
	c->paths = calloc(1, room - text + head[0] + 2); /* so that each has a terminator */
	if (!c->mappings || !c->files || !c->paths)
		return -ENOMEM;
	memcpy(c->paths, note + sizeof(head) + text, room - text);
	take_entries(c, note + sizeof(head), head[0], head[1]);
	return 0;
}

/* --- the files themselves --------------------------------------------------------- */

/* Whether the core holds a first page of the file, and it is another. */
static int head_differs(const struct core *c, const struct core_file *file)
{
	char here[HEAD_NBYTES], there[HEAD_NBYTES];
	const struct core_segment *s;

	for (size_t i = 0; i < c->nmappings; i++) {
		const struct core_mapping *m = &c->mappings[i];

		s = &c->files[m->file] == file && !m->offset ? core_segment_at(c, m->start) : NULL;
		if (!s || s->writable || s->start != m->start || s->filled - s->start < HEAD_NBYTES)
			continue;
		if (pread(c->fd, there, HEAD_NBYTES, (off_t)s->offset) != HEAD_NBYTES)
			continue;
		return pread(file->fd, here, HEAD_NBYTES, 0) != HEAD_NBYTES ||
		       memcmp(here, there, HEAD_NBYTES) != 0;
	}
	return 0;
}

/* Without opening what is no file: a device or a pipe may act on it. */
static int open_regular(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC), found;
	char again[40];
	struct stat st;

	if (fd < 0)
		return -errno;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		found = -EINVAL;
	else if ((found = open(again, O_RDONLY | O_CLOEXEC)) < 0)
		found = -errno;
	close(fd);
	return found;
}

enum core_file_state core_file_open(struct core *c, struct core_file *file)
{
	if (file->state != CORE_FILE_UNTRIED)
		return file->state;
	file->fd = file->path[0] == '/' || file->given ? open_regular(file->path) : -ENOENT;
	file->state = CORE_FILE_OPEN;
	if (file->fd < 0) {
		file->state = CORE_FILE_MISSING;
		file->err = -file->fd;
	} else if (head_differs(c, file)) {
		file->state = CORE_FILE_OTHER;
		close(file->fd);
	}
	return file->state;
}
