/* SPDX-License-Identifier: MIT */
/*
 * The root is found in memory alone: every mapping that begins a file is tried
 * for an ELF header, its program headers for notes, the notes for ours. So the
 * target may be stripped, static, deleted, or in another mount namespace.
 *
 *	mapping start + (note's p_vaddr - vaddr of file offset 0) = note
 *
 * The same file may be mapped again as plain data, and a note may be anyone's:
 * only a root with the right magic counts, and of those the one with caches.
 */
#include "elfnote.h"

#include <kmem/base.h>

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MAX_PHDRS	64
#define MAX_NOTE_NBYTES 65536
#define MAX_STRIDE	1024  /* of a slot or a shelf, in any version */
#define MAX_CACHES	65536 /* ids are 16 bits */

/* The records as they were at first: none is shorter. */
#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#define ROOT_MIN	    END_OF(struct kmem_root, meta_bytes)
#define CACHE_MIN	    END_OF(struct kmem_root_cache, lent)
#define THREAD_MIN	    END_OF(struct kmem_root_thread, tid)
#define SLOT_MIN	    END_OF(struct kmem_root_slot, mask)
#define SHELF_MIN	    END_OF(struct kmem_root_shelf, lent)
#define ZONE_MIN	    END_OF(struct kmem_root_zone, clean)
#define HEAP_MIN	    END_OF(struct kmem_root_heap, live_bytes)

struct search {
	struct target *t;
	struct kmem_root root; /* the best so far */
	int nfound;
	int nforeign;	  /* right magic, wrong version or sizes */
	uint32_t version; /* of the last foreign one */
	uint64_t unread;  /* the last module or root that cannot be read, or 0 */
};

static size_t padded(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* Only slots and shelves are strided by their size, and so bounded. */
static int root_sizes_fit(const struct kmem_root *r)
{
	return r->size >= ROOT_MIN && r->cache_size >= CACHE_MIN && r->thread_size >= THREAD_MIN &&
	       r->slot_size >= SLOT_MIN && r->slot_size <= MAX_STRIDE &&
	       r->shelf_size >= SHELF_MIN && r->shelf_size <= MAX_STRIDE &&
	       r->zone_size >= ZONE_MIN && r->heap_size >= HEAP_MIN &&
	       r->max_caches <= MAX_CACHES && r->ncaches <= r->max_caches;
}

static int is_root(const struct kmem_root *root)
{
	return !memcmp(root->magic, KMEM_ROOT_MAGIC, sizeof(root->magic));
}

/* What an older libkmem does not publish is 0, in the root and in its layout.
 * -EFAULT if there is none. */
static int fetch_root(struct target *t, uint64_t addr, struct kmem_root *root)
{
	const size_t layout = offsetof(struct kmem_root, layout);
	size_t size;
	int rc;

	memset(root, 0, sizeof(*root));
	rc = target_read(t, addr, root, ROOT_MIN);
	if (rc || !is_root(root))
		return rc;
	size = elfnote_common(root->size, sizeof(*root));
	if (size > ROOT_MIN)
		rc = target_read(t, addr, root, size);
	size = layout + elfnote_common(root->layout_size, sizeof(root->layout));
	memset((char *)root + size, 0, sizeof(*root) - size);
	return rc;
}

/* -errno only if the process is lost. */
static int try_root(struct search *s, uint64_t addr)
{
	struct kmem_root root;
	int rc = fetch_root(s->t, addr, &root);

	if (rc == -EFAULT)
		s->unread = addr;
	if (rc || !is_root(&root))
		return rc == -EFAULT ? 0 : rc;
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

	if (rc == -EFAULT)
		s->unread = start;
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

static int try_mapping(void *context, const struct target_mapping *m)
{
	int begins_file = m->path[0] && m->path[0] != '[' && !m->offset;

	if (m->access[0] != 'r' || !(begins_file || m->nameless))
		return 0;
	return try_module(context, m->start);
}

static int not_found(const struct search *s)
{
	struct target *t = s->t;

	if (s->nforeign && s->version != KMEM_ROOT_VERSION)
		return target_fail(t, EPROTO,
				   "its libkmem publishes version %" PRIu32 ", kmemtop reads %d",
				   s->version, KMEM_ROOT_VERSION);
	if (s->nforeign)
		return target_fail(t, EPROTO, "its libkmem publishes sizes that make no sense");
	if (s->unread && target_is_still(t))
		return target_fail(t, ENOENT, "no libkmem is found; a page that may lead to it %s",
				   target_missing(t, s->unread));
	return target_fail(t, ENOENT, "it does not use libkmem");
}

static void note_release(struct target *t, const struct kmem_root *root)
{
	char ours[sizeof(root->release)];

	snprintf(ours, sizeof(ours), "%d.%d", KMEM_VERSION_MAJOR, KMEM_VERSION_MINOR);
	if (!t->release_noted && strncmp(ours, root->release, sizeof(ours)) != 0)
		target_note(t, "its libkmem is %.16s, kmemtop %s: shown is what both know",
			    root->release, ours);
	t->release_noted = 1;
}

int elfnote_find_root(struct target *t, struct kmem_root *root)
{
	struct search s = {.t = t};
	int rc = target_mappings(t, try_mapping, &s);

	if (rc)
		return rc;
	/* One without caches must not hide one that we cannot read. */
	if (!s.nfound || (!s.root.ncaches && s.nforeign))
		return not_found(&s);
	*root = s.root;
	note_release(t, root);
	return 0;
}
