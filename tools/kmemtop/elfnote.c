/* SPDX-License-Identifier: MIT */
/*
 * The root is found in memory alone: every mapping that begins a file is tried
 * for an ELF header, its program headers for notes, the notes for ours. No file
 * is opened but /proc/PID/maps, so the target may be stripped, static, deleted,
 * or in another mount namespace.
 *
 *	mapping start + (note's p_vaddr - vaddr of file offset 0) = note
 *
 * The same file may be mapped again as plain data, and a note may be anyone's:
 * only a root with the right magic counts, and of those the one with caches.
 */
#include "elfnote.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PHDRS	64
#define MAX_NOTE_NBYTES 65536
#define MAX_STRIDE	1024  /* of a slot or a shelf, in any version */
#define MAX_CACHES	65536 /* ids are 16 bits */

struct search {
	struct target *t;
	struct kmem_root root; /* the best so far */
	int nfound;
	int nforeign;	  /* right magic, wrong version or sizes */
	uint32_t version; /* of the last foreign one */
};

static size_t padded(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* Only slots and shelves are strided by their size, and so bounded. */
static int root_sizes_fit(const struct kmem_root *r)
{
	return r->size >= sizeof(struct kmem_root) &&
	       r->cache_size >= sizeof(struct kmem_root_cache) &&
	       r->thread_size >= sizeof(struct kmem_root_thread) &&
	       r->slot_size >= sizeof(struct kmem_root_slot) && r->slot_size <= MAX_STRIDE &&
	       r->shelf_size >= sizeof(struct kmem_root_shelf) && r->shelf_size <= MAX_STRIDE &&
	       r->zone_size >= sizeof(struct kmem_root_zone) &&
	       r->heap_size >= sizeof(struct kmem_root_heap) && r->max_caches <= MAX_CACHES &&
	       r->ncaches <= r->max_caches;
}

/* -errno only if the process is lost. */
static int try_root(struct search *s, uint64_t addr)
{
	struct kmem_root root;
	int rc = target_read(s->t, addr, &root, sizeof(root));

	if (rc)
		return rc == -EFAULT ? 0 : rc;
	if (memcmp(root.magic, KMEM_ROOT_MAGIC, sizeof(root.magic)))
		return 0;
	if (root.version != KMEM_ROOT_VERSION || !root_sizes_fit(&root)) {
		s->nforeign++;
		s->version = root.version;
		return 0;
	}
	if (!s->nfound++ || (!s->root.ncaches && root.ncaches))
		s->root = root;
	return 0;
}

/* The notes in text[0..n), which lies at addr in the target. */
static int scan_notes(struct search *s, const char *text, size_t n, uint64_t addr, size_t align)
{
	size_t at = 0;

	while (n - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t name = at + sizeof(note), desc;
		int64_t distance;
		int rc;

		memcpy(&note, text + at, sizeof(note));
		if (note.n_namesz > n || note.n_descsz > n)
			return 0;
		desc = padded(name + note.n_namesz, align);
		at = padded(desc + note.n_descsz, align);
		if (desc + note.n_descsz > n)
			return 0;
		if (note.n_type == KMEM_NOTE_TYPE && note.n_namesz == sizeof(KMEM_NOTE_OWNER) &&
		    note.n_descsz == sizeof(distance) &&
		    !memcmp(text + name, KMEM_NOTE_OWNER, sizeof(KMEM_NOTE_OWNER))) {
			memcpy(&distance, text + desc, sizeof(distance));
			rc = try_root(s, addr + desc + (uint64_t)distance);
			if (rc)
				return rc;
		}
		if (at >= n)
			return 0;
	}
	return 0;
}

/* Linkers disagree about the padding in segments aligned to 8, so try both. */
static int try_note_segment(struct search *s, uint64_t addr, uint64_t nbytes)
{
	static char text[MAX_NOTE_NBYTES];
	int rc;

	if (nbytes < sizeof(Elf64_Nhdr) || nbytes > sizeof(text))
		return 0;
	rc = target_read(s->t, addr, text, nbytes);
	if (rc)
		return rc == -EFAULT ? 0 : rc;
	rc = scan_notes(s, text, nbytes, addr, 4);
	return rc ? rc : scan_notes(s, text, nbytes, addr, 8);
}

/* The segment that holds the start of the file, or NULL. */
static const Elf64_Phdr *first_load(const Elf64_Phdr *ph, size_t n)
{
	const Elf64_Phdr *first = NULL;

	for (size_t i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && (!first || ph[i].p_offset < first->p_offset))
			first = &ph[i];
	return first;
}

static int try_module(struct search *s, uint64_t start)
{
	Elf64_Phdr ph[MAX_PHDRS];
	const Elf64_Phdr *load;
	Elf64_Ehdr eh;
	int rc = target_read(s->t, start, &eh, sizeof(eh));

	if (rc)
		return rc == -EFAULT ? 0 : rc;
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_phentsize != sizeof(ph[0]) || eh.e_phnum > MAX_PHDRS)
		return 0;
	rc = target_read(s->t, start + eh.e_phoff, ph, eh.e_phnum * sizeof(ph[0]));
	if (rc)
		return rc == -EFAULT ? 0 : rc;
	load = first_load(ph, eh.e_phnum);
	for (size_t i = 0; load && i < eh.e_phnum; i++) {
		if (ph[i].p_type != PT_NOTE)
			continue;
		rc = try_note_segment(s, start + ph[i].p_vaddr - load->p_vaddr + load->p_offset,
				      ph[i].p_memsz);
		if (rc)
			return rc;
	}
	return 0;
}

/* Whether a line of maps is the start of a file that can be read. */
static int line_begins_file(const char *line, uint64_t *start)
{
	uint64_t offset;
	char perms[5];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%*x %4s %" SCNx64 " %*s %*s %n", start, perms, &offset,
		   &path) != 3)
		return 0;
	return offset == 0 && perms[0] == 'r' && path && line[path] == '/';
}

static int scan_maps(struct search *s)
{
	char path[40], *line = NULL;
	size_t size = 0;
	uint64_t start;
	FILE *maps;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)s->t->tid);
	maps = fopen(path, "re");
	if (!maps && (errno == EACCES || errno == EPERM))
		return target_fail(s->t, EPERM,
				   "not permitted: it belongs to someone else or is protected");
	if (!maps)
		return target_fail(s->t, errno, "%s",
				   errno == ENOENT || errno == ESRCH ? "it has ended"
								     : strerror(errno));
	while (!rc && getline(&line, &size, maps) > 0)
		if (line_begins_file(line, &start))
			rc = try_module(s, start);
	free(line);
	fclose(maps);
	return rc;
}

int elfnote_find_root(struct target *t, struct kmem_root *root)
{
	struct search s = {.t = t};
	int rc = scan_maps(&s);

	if (rc)
		return rc;
	/* One without caches must not hide one that we cannot read. */
	if (s.nfound && (s.root.ncaches || !s.nforeign)) {
		*root = s.root;
		return 0;
	}
	if (s.nforeign && s.version != KMEM_ROOT_VERSION)
		return target_fail(t, EPROTO,
				   "its libkmem publishes version %" PRIu32 ", kmemtop reads %d",
				   s.version, KMEM_ROOT_VERSION);
	if (s.nforeign)
		return target_fail(t, EPROTO, "its libkmem publishes sizes that make no sense");
	return target_fail(t, ENOENT, "it does not use libkmem");
}
