/* SPDX-License-Identifier: MIT */
/*
 * Opens a core: libelf reads the program headers and the notes, of which three
 * matter: NT_PRPSINFO (the pid), NT_AUXV (where the executable is), NT_FILE.
 */
#include "core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NOTES ((size_t)256 << 20)

/* The magic numbers of what cores are stored in, and how to get them out. */
static const struct {
	const char *magic;
	size_t nbytes;
	const char *how;
} packings[] = {
	{"\x28\xb5\x2f\xfd", 4, "zstd -dc"},
	{"\x04\x22\x4d\x18", 4, "lz4 -dc"},
	{"\xfd"
	 "7zXZ",
	 6, "xz -dc"},
	{"\x1f\x8b", 2, "gzip -dc"},
};

static const char *how_to_unpack(int fd)
{
	char start[8] = "";

	if (pread(fd, start, sizeof(start), 0) != sizeof(start))
		return NULL;
	for (size_t i = 0; i < sizeof(packings) / sizeof(packings[0]); i++)
		if (!memcmp(start, packings[i].magic, packings[i].nbytes))
			return packings[i].how;
	return NULL;
}

static int open_file(struct target *t, struct core *c)
{
	const char *how;
	struct stat st;

	c->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (c->fd < 0)
		return target_fail(t, errno, "%s", strerror(errno));
	if (fstat(c->fd, &st) || !S_ISREG(st.st_mode))
		return target_fail(t, EINVAL, "it is not a file");
	c->nbytes = (uint64_t)st.st_size;
	how = how_to_unpack(c->fd);
	if (how)
		return target_fail(t, EINVAL, "it is compressed: unpack it with %s", how);
	return 0;
}

static int check_header(struct target *t, Elf *elf)
{
	GElf_Ehdr eh;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return target_fail(t, EINVAL, "it is no core file");
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return target_fail(t, EINVAL, "it is of another kind of machine");
	if (eh.e_type != ET_CORE)
		return target_fail(t, EINVAL, "it is no core file, but another ELF file");
	return 0;
}

/* --- segments ------------------------------------------------------------------ */

static int by_start(const void *a, const void *b)
{
	const struct core_segment *s = a, *t = b;

	return s->start < t->start ? -1 : s->start > t->start;
}

static void take_segment(struct core *c, const GElf_Phdr *ph)
{
	uint64_t memory = ph->p_memsz, here = ph->p_filesz < memory ? ph->p_filesz : memory;

	if (memory > UINT64_MAX - ph->p_vaddr || !memory)
		return;
	c->segments[c->nsegments++] = (struct core_segment){
		.start = ph->p_vaddr,
		.filled = ph->p_vaddr + here,
		.end = ph->p_vaddr + memory,
		.offset = ph->p_offset,
		.readable = (ph->p_flags & PF_R) != 0,
		.writable = (ph->p_flags & PF_W) != 0,
		.executable = (ph->p_flags & PF_X) != 0,
	};
}

/* Hostile ones may overlap: each ends where the next begins, for the search by halves. */
static void sort_segments(struct core *c)
{
	qsort(c->segments, c->nsegments, sizeof(c->segments[0]), by_start);
	for (size_t i = 1; i < c->nsegments; i++) {
		struct core_segment *s = &c->segments[i - 1];

		if (s->end > s[1].start)
			s->end = s[1].start;
		if (s->filled > s->end)
			s->filled = s->end;
	}
}

static int take_segments(struct target *t, struct core *c, Elf *elf, size_t n)
{
	uint64_t needed = 0;
	GElf_Phdr ph;

	c->segments = calloc(n ? n : 1, sizeof(c->segments[0]));
	if (!c->segments)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			return target_fail(t, EINVAL, "its program headers cannot be read");
		if (ph.p_type == PT_LOAD)
			take_segment(c, &ph);
		if (ph.p_filesz < UINT64_MAX - ph.p_offset && ph.p_offset + ph.p_filesz > needed)
			needed = ph.p_offset + ph.p_filesz;
	}
	if (!c->nsegments)
		return target_fail(t, EINVAL, "its program headers cannot be read");
	sort_segments(c);
	if (needed > c->nbytes)
		target_note(t, "it is cut off: %" PRIu64 " of %" PRIu64 " bytes are there",
			    c->nbytes, needed);
	return 0;
}

/* --- notes ---------------------------------------------------------------------- */

static void take_auxv(struct core *c, const char *text, size_t nbytes)
{
	Elf64_auxv_t entry;

	for (; nbytes >= sizeof(entry); text += sizeof(entry), nbytes -= sizeof(entry)) {
		memcpy(&entry, text, sizeof(entry));
		if (entry.a_type == AT_PHDR)
			c->phdr = entry.a_un.a_val;
	}
}

static int take_note(struct target *t, struct core *c, const GElf_Nhdr *note, const char *text)
{
	struct elf_prpsinfo info;

	if (note->n_type == NT_PRPSINFO && note->n_descsz >= sizeof(info)) {
		memcpy(&info, text, sizeof(info));
		t->pid = info.pr_pid > 0 ? info.pr_pid : 0;
	} else if (note->n_type == NT_AUXV) {
		take_auxv(c, text, note->n_descsz);
	} else if (note->n_type == NT_FILE && !c->files) {
		return core_take_mappings(c, text, note->n_descsz);
	}
	return 0;
}

static int take_notes(struct target *t, struct core *c, Elf *elf, const GElf_Phdr *ph)
{
	size_t at = 0, name, text;
	GElf_Nhdr note;
	Elf_Data *data;
	int rc = 0;

	if (ph->p_type != PT_NOTE || ph->p_filesz > MAX_NOTES || ph->p_offset > c->nbytes)
		return 0;
	data = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_NHDR);
	while (!rc && data && (at = gelf_getnote(data, at, &note, &name, &text)) > 0)
		rc = take_note(t, c, &note, (const char *)data->d_buf + text);
	return rc;
}

static int take_elf(struct target *t, struct core *c, Elf *elf)
{
	size_t n = 0;
	GElf_Phdr ph;
	int rc = check_header(t, elf);

	if (!rc && elf_getphdrnum(elf, &n))
		rc = target_fail(t, EINVAL, "its program headers cannot be read");
	if (!rc)
		rc = take_segments(t, c, elf, n);
	for (size_t i = 0; !rc && i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph))
			rc = take_notes(t, c, elf, &ph);
	return rc;
}

int core_open(struct target *t, const char *exe)
{
	struct core *c = calloc(1, sizeof(*c));
	Elf *elf = NULL;
	int rc;

	if (!c)
		return target_fail(t, ENOMEM, "not enough memory to look at it");
	rc = open_file(t, c);
	if (!rc) {
		elf_version(EV_CURRENT);
		elf = elf_begin(c->fd, ELF_C_READ, NULL);
		rc = take_elf(t, c, elf);
		elf_end(elf);
	}
	if (!rc && exe)
		rc = core_take_exe(t, c, exe);
	if (rc == -ENOMEM)
		target_fail(t, ENOMEM, "not enough memory to look at it");
	if (rc)
		core_close(c);
	else
		t->core = c;
	return rc;
}

void core_close(struct core *c)
{
	for (size_t i = 0; i < c->nfiles; i++)
		if (c->files[i].state == CORE_FILE_OPEN)
			close(c->files[i].fd);
	if (c->fd >= 0)
		close(c->fd);
	free(c->segments);
	free(c->mappings);
	free(c->files);
	free(c->paths);
	free(c);
}
