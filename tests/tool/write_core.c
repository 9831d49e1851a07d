// SPDX-License-Identifier: MIT
#include "write_core.h"

#include <elf.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_MAPPINGS 512
#define PAGE	     4096
#define NOTES_ROOM   (1 << 16)

struct mapping {
	uint64_t start, end, offset;
	int writable, readable;
	char path[200]; /* "" for none */
};

struct image {
	struct mapping mappings[MAX_MAPPINGS];
	Elf64_Phdr ph[MAX_MAPPINGS + 1];
	char notes[NOTES_ROOM];
	size_t n, nnotes;
};

static void read_mappings(struct image *im, pid_t pid)
{
	char path[40], line[512], perms[5];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (maps && im->n < MAX_MAPPINGS && fgets(line, sizeof(line), maps)) {
		struct mapping *m = &im->mappings[im->n];

		memset(m, 0, sizeof(*m));
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %199[^\n]",
			   &m->start, &m->end, perms, &m->offset, m->path) < 4)
			continue;
		m->readable = perms[0] == 'r' && strncmp(m->path, "[v", 2) != 0; /* [vvar], … */
		m->writable = perms[1] == 'w';
		if (m->path[0] != '/')
			m->path[0] = 0;
		im->n++;
	}
	if (maps)
		fclose(maps);
}

static void add_note(struct image *im, uint32_t type, const void *text, size_t nbytes)
{
	Elf64_Nhdr note = {.n_namesz = 5, .n_descsz = (uint32_t)nbytes, .n_type = type};
	char *at = im->notes + im->nnotes;

	memcpy(at, &note, sizeof(note));
	memcpy(at + sizeof(note), "CORE", 5);
	memcpy(at + sizeof(note) + 8, text, nbytes);
	im->nnotes += sizeof(note) + 8 + ((nbytes + 3) & ~(size_t)3);
}

static void add_files(struct image *im)
{
	char text[NOTES_ROOM / 2];
	uint64_t head[2] = {0, PAGE}, *entry = (uint64_t *)(text + sizeof(head));
	char *path;

	for (size_t i = 0; i < im->n; i++)
		head[0] += im->mappings[i].path[0] != 0;
	path = (char *)(entry + 3 * head[0]);
	for (size_t i = 0; i < im->n; i++) {
		const struct mapping *m = &im->mappings[i];

		if (!m->path[0])
			continue;
		*entry++ = m->start;
		*entry++ = m->end;
		*entry++ = m->offset / PAGE;
		path = stpcpy(path, m->path) + 1;
	}
	memcpy(text, head, sizeof(head));
	add_note(im, NT_FILE, text, (size_t)(path - text));
}

static void add_notes(struct image *im, pid_t pid)
{
	struct elf_prpsinfo info = {.pr_pid = pid};
	char path[40], auxv[1024];
	size_t n = 0;
	FILE *f;

	add_note(im, NT_PRPSINFO, &info, sizeof(info));
	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(auxv, 1, sizeof(auxv), f);
		fclose(f);
	}
	add_note(im, NT_AUXV, auxv, n);
	add_files(im);
}

static size_t nbytes_of(const struct mapping *m)
{
	if (!m->readable)
		return 0;
	if (m->writable)
		return m->end - m->start;
	return m->path[0] && !m->offset ? PAGE : 0;
}

static void place_segments(struct image *im)
{
	uint64_t offset = sizeof(Elf64_Ehdr) + (im->n + 1) * sizeof(Elf64_Phdr);

	im->ph[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = offset, .p_filesz = im->nnotes};
	offset = (offset + im->nnotes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	for (size_t i = 0; i < im->n; i++) {
		const struct mapping *m = &im->mappings[i];

		im->ph[i + 1] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | (m->writable ? PF_W : 0),
			.p_offset = offset,
			.p_vaddr = m->start,
			.p_memsz = m->end - m->start,
			.p_filesz = nbytes_of(m),
		};
		offset += nbytes_of(m);
	}
}

/* Page by page: pages of zeros become holes. */
static int write_memory(int fd, pid_t pid, const Elf64_Phdr *ph)
{
	static const char zeros[PAGE];
	char page[PAGE];

	for (uint64_t at = 0; at < ph->p_filesz; at += PAGE) {
		struct iovec here = {.iov_base = page, .iov_len = PAGE};
		struct iovec there = {.iov_base = (void *)(ph->p_vaddr + at), .iov_len = PAGE};

		if (process_vm_readv(pid, &here, 1, &there, 1, 0) != PAGE ||
		    !memcmp(page, zeros, PAGE))
			continue;
		if (pwrite(fd, page, PAGE, (off_t)(ph->p_offset + at)) != PAGE)
			return -1;
	}
	return 0;
}

static int write_image(int fd, pid_t pid, const struct image *im)
{
	const Elf64_Ehdr eh = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)(im->n + 1),
	};
	const Elf64_Phdr *last = &im->ph[im->n];

	if (ftruncate(fd, (off_t)(last->p_offset + last->p_filesz)) ||
	    pwrite(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
	    pwrite(fd, im->ph, (im->n + 1) * sizeof(im->ph[0]), sizeof(eh)) < 0 ||
	    pwrite(fd, im->notes, im->nnotes, (off_t)im->ph[0].p_offset) < 0)
		return -1;
	for (size_t i = 1; i <= im->n; i++)
		if (write_memory(fd, pid, &im->ph[i]))
			return -1;
	return 0;
}

int write_core(int fd, pid_t pid)
{
	struct image *im = calloc(1, sizeof(*im));
	int rc;

	if (!im)
		return -1;
	read_mappings(im, pid);
	add_notes(im, pid);
	place_segments(im);
	rc = im->n ? write_image(fd, pid, im) : -1;
	free(im);
	return rc;
}
