/* SPDX-License-Identifier: MIT */
/*
 * kmemtop -c CORE -e EXE: the executable's file is elsewhere than it was, or
 * the core names no files at all. Then AT_PHDR says where it was.
 */
#include "core.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_NBYTES 4096

/* How far the program headers in memory are from where the file puts them. */
static int find_bias(const struct core *c, Elf *elf, size_t n, uint64_t *bias)
{
	GElf_Ehdr eh;
	GElf_Phdr ph;

	for (size_t i = 0; gelf_getehdr(elf, &eh) && i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD &&
		    eh.e_phoff - ph.p_offset < ph.p_filesz) {
			*bias = c->phdr - (eh.e_phoff - ph.p_offset + ph.p_vaddr);
			return 1;
		}
	return 0;
}

/* The mappings of the executable alone, where the core names none. */
static int map_exe(struct core *c, Elf *elf)
{
	const uint64_t in_page = PAGE_NBYTES - 1;
	size_t n = 0;
	uint64_t bias;
	GElf_Phdr ph;

	if (!c->phdr || elf_getphdrnum(elf, &n) || !find_bias(c, elf, n, &bias))
		return -EINVAL;
	c->mappings = calloc(n, sizeof(c->mappings[0]));
	if (!c->mappings)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD)
			c->mappings[c->nmappings++] = (struct core_mapping){
				.start = (bias + ph.p_vaddr) & ~in_page,
				.end = bias + ph.p_vaddr + ph.p_filesz,
				.offset = ph.p_offset & ~in_page,
			};
	return 0;
}

static int add_exe(struct core *c, const char *exe)
{
	Elf *elf;
	int rc;

	c->files = calloc(1, sizeof(c->files[0]));
	if (!c->files)
		return -ENOMEM;
	c->nfiles = 1;
	c->files[0] = (struct core_file){.path = exe, .given = 1, .fd = -1};
	if (core_file_open(c, &c->files[0]) != CORE_FILE_OPEN)
		return 0;
	elf = elf_begin(c->files[0].fd, ELF_C_READ, NULL);
	rc = map_exe(c, elf);
	elf_end(elf);
	close(c->files[0].fd);
	c->files[0].state = CORE_FILE_UNTRIED; /* now it can be held against the core */
	return rc;
}

/* The first one, if nothing says which. */
static struct core_file *exe_file(struct core *c)
{
	const struct core_mapping *m = core_mapping_at(c, c->phdr);

	return &c->files[m ? m->file : c->mappings[0].file];
}

static struct core_file *put_exe(struct core *c, const char *exe)
{
	struct core_file *first = exe_file(c);
	const char *was = first->path;

	for (size_t i = 0; i < c->nfiles; i++)
		if (!strcmp(c->files[i].path, was)) {
			c->files[i].path = exe;
			c->files[i].given = 1;
		}
	return first;
}

int core_take_exe(struct target *t, struct core *c, const char *exe)
{
	struct core_file *file;

	if (!c->nmappings) {
		int rc = c->files ? -EINVAL : add_exe(c, exe);

		if (rc == -ENOMEM)
			return rc;
		if (rc)
			return target_fail(t, EINVAL, "it does not say where %s was", exe);
	}
	file = c->nmappings ? exe_file(c) : &c->files[0];
	if (!file->given)
		file = put_exe(c, exe);
	switch (core_file_open(c, file)) {
	case CORE_FILE_MISSING:
		return target_fail(t, file->err, "%s: %s", exe, strerror(file->err));
	case CORE_FILE_OTHER:
		return target_fail(t, EINVAL, "%s is not the program that ran", exe);
	default:
		return 0;
	}
}
