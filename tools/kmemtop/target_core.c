/* SPDX-License-Identifier: MIT */
/*
 * Reads from a core. Each piece of a read comes from one place: what the core
 * holds of a segment, or the file that was mapped where it holds nothing.
 */
#include "arrays.h"
#include "core.h"
#include "target_kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct core_segment *core_segment_at(const struct core *c, uint64_t addr)
{
	const struct core_segment *s = ARRAY_LAST(c->segments, c->nsegments, start, addr);

	return s && addr < s->end ? s : NULL;
}

const struct core_mapping *core_mapping_at(const struct core *c, uint64_t addr)
{
	const struct core_mapping *m = ARRAY_LAST(c->mappings, c->nmappings, start, addr);

	return m && addr < m->end ? m : NULL;
}

static size_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static size_t read_at(int fd, uint64_t offset, void *buf, size_t n)
{
	ssize_t got = offset <= INT64_MAX ? pread(fd, buf, n, (off_t)offset) : 0;

	return got > 0 ? (size_t)got : 0;
}

/* What follows s, or would if there were a segment: 0 room if nothing does. */
static size_t read_file(struct core *c, uint64_t addr, void *buf, size_t n)
{
	const struct core_mapping *m = core_mapping_at(c, addr);
	struct core_file *file = m ? &c->files[m->file] : NULL;

	if (!m || core_file_open(c, file) != CORE_FILE_OPEN)
		return 0;
	return read_at(file->fd, m->offset + (addr - m->start), buf, least(n, m->end - addr));
}

/* As much of n bytes as comes from one place; 0: nothing does. */
static size_t read_piece(struct core *c, uint64_t addr, void *buf, size_t n)
{
	const struct core_segment *s = core_segment_at(c, addr);

	if (s && addr < s->filled)
		return read_at(c->fd, s->offset + (addr - s->start), buf,
			       least(n, s->filled - addr));
	if (s && s->writable)
		return 0;
	return read_file(c, addr, buf, s ? least(n, s->end - addr) : n);
}

static int read_part(struct core *c, const struct target_part *part)
{
	size_t done = 0, n;

	while (done < part->nbytes) {
		n = read_piece(c, part->addr + done, (char *)part->buf + done, part->nbytes - done);
		if (!n)
			return 0;
		done += n;
	}
	return 1;
}

static int read_parts(struct target *t, struct target_part *parts, size_t nparts)
{
	for (size_t i = 0; i < nparts; i++)
		parts[i].ok = read_part(t->core, &parts[i]);
	return 0;
}

/* --- what is not there ------------------------------------------------------------ */

static const char *missing_in_file(struct core *c, const struct core_mapping *m)
{
	struct core_file *file = &c->files[m->file];

	switch (core_file_open(c, file)) {
	case CORE_FILE_MISSING:
		snprintf(c->missing, sizeof(c->missing), "is in %.100s: %s", file->path,
			 strerror(file->err));
		break;
	case CORE_FILE_OTHER:
		snprintf(c->missing, sizeof(c->missing), "is in %.100s, which is another now",
			 file->path);
		break;
	default:
		snprintf(c->missing, sizeof(c->missing), "is in %.100s, which ends before",
			 file->path);
		break;
	}
	return c->missing;
}

static const char *missing(struct target *t, uint64_t addr)
{
	struct core *c = t->core;
	const struct core_segment *s = core_segment_at(c, addr);
	const struct core_mapping *m = core_mapping_at(c, addr);

	if (s && addr < s->filled)
		return s->offset + (addr - s->start) < c->nbytes
			       ? "is there only in part"
			       : "lies behind the end of the core, which is cut off";
	if (m && !(s && s->writable))
		return missing_in_file(c, m);
	return s ? "was left out of the core (coredump_filter)" : "is not in the core";
}

/* --- mappings ---------------------------------------------------------------------- */

static void set_access(struct target_mapping *m, const struct core_segment *s)
{
	strcpy(m->access, "r--p");
	if (s && !s->readable)
		m->access[0] = '-';
	if (s && s->writable)
		m->access[1] = 'w';
	if (s && s->executable)
		m->access[2] = 'x';
}

static struct target_mapping of_file(struct core *c, const struct core_mapping *from)
{
	struct core_file *file = &c->files[from->file];
	struct target_mapping m = {
		.start = from->start,
		.end = from->end,
		.offset = from->offset,
		.path = file->path,
	};

	set_access(&m, core_segment_at(c, from->start));
	if (core_file_open(c, file) != CORE_FILE_OPEN)
		m.inode = UINT64_MAX; /* what has the name now is another */
	return m;
}

static struct target_mapping of_segment(const struct core *c, const struct core_segment *s)
{
	struct target_mapping m = {
		.start = s->start,
		.end = s->end,
		.nameless = !c->paths,
		.path = "",
	};

	set_access(&m, s);
	return m;
}

/* Files' mappings, and segments that are none of them. */
static int mappings(struct target *t,
		    int (*each)(void *context, const struct target_mapping *mapping), void *context)
{
	struct core *c = t->core;
	size_t i = 0, k = 0;
	int rc = 0;

	while (!rc && (i < c->nmappings || k < c->nsegments)) {
		struct target_mapping m;

		if (k == c->nsegments ||
		    (i < c->nmappings && c->mappings[i].start <= c->segments[k].start))
			m = of_file(c, &c->mappings[i++]);
		else if (core_mapping_at(c, c->segments[k].start)) {
			k++;
			continue;
		} else
			m = of_segment(c, &c->segments[k++]);
		rc = each(context, &m);
	}
	return rc;
}

const struct target_kind target_core = {
	.read_parts = read_parts,
	.mappings = mappings,
	.missing = missing,
};
