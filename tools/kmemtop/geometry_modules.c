// SPDX-License-Identifier: MIT
/* The mappings of a process: see geometry_modules.h. */
#include "geometry_modules.h"

#include "arrays.h"
#include "geometry_symbols.h"
#include "reading.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAPPINGS_MOST ((size_t)1 << 20)
#define PHDRS_MOST    64

static int add_mapping(struct modules *m, const struct module_mapping *mapping)
{
	const char *slash = strrchr(mapping->path, '/');
	struct module_mapping *more;

	if (m->n >= MAPPINGS_MOST)
		return -E2BIG;
	more = array_grown(m->mappings, m->n, sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->mappings = more;
	more += m->n;
	*more = *mapping;
	more->path = strdup(mapping->path);
	if (!more->path)
		return -ENOMEM;
	m->n++;
	if (*mapping->path)
		copy_text(more->name, slash ? slash + 1 : mapping->path, sizeof(more->name) - 1);
	return 0;
}

/* Of a file's first mapping, by its program headers; of others, as if each byte lay where it does.
 */
static uint64_t file_bias(struct target *t, const struct module_mapping *mapping)
{
	uint64_t start = mapping->start;
	Elf64_Phdr ph[PHDRS_MOST];
	Elf64_Ehdr eh;

	if (mapping->access[0] != 'r' || target_read(t, start, &eh, sizeof(eh)) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_phentsize != sizeof(ph[0]) || eh.e_phnum > PHDRS_MOST ||
	    target_read(t, start + eh.e_phoff, ph, eh.e_phnum * sizeof(ph[0])))
		return start;
	for (size_t i = 0; i < eh.e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			return start - (ph[i].p_vaddr - ph[i].p_offset);
	return start;
}

/* A file's mappings lie one behind the other; its first tells what all are displaced by. */
static void find_biases(struct modules *m, struct target *t)
{
	const struct module_mapping *first = NULL;

	for (size_t i = 0; i < m->n; i++) {
		struct module_mapping *mapping = &m->mappings[i];

		if (*mapping->path == '/' && !mapping->offset) {
			mapping->bias = file_bias(t, mapping);
			first = mapping;
		} else if (first && !strcmp(first->path, mapping->path)) {
			mapping->bias = first->bias;
		} else {
			mapping->bias = mapping->start - mapping->offset;
		}
	}
}

static int take_mapping(void *context, const struct target_mapping *from)
{
	struct module_mapping mapping = {
		.start = from->start,
		.end = from->end,
		.offset = from->offset,
		.inode = from->inode,
		.path = (char *)from->path, /* to be copied */
	};

	memcpy(mapping.access, from->access, sizeof(mapping.access));
	return add_mapping(context, &mapping);
}

int modules_read(struct modules *m, struct target *t)
{
	int rc;

	memset(m, 0, sizeof(*m));
	target_root(t, m->root, sizeof(m->root));
	rc = target_mappings(t, take_mapping, m);
	if (!rc)
		find_biases(m, t);
	return rc;
}

void modules_free(struct modules *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->mappings[i].path);
	free(m->mappings);
	symbols_stop(m->symbols);
	memset(m, 0, sizeof(*m));
}

const struct module_mapping *modules_at(const struct modules *m, uint64_t addr)
{
	const struct module_mapping *mapping = ARRAY_LAST(m->mappings, m->n, start, addr);

	return mapping && addr < mapping->end ? mapping : NULL;
}

/* Whether the file there is still the one that is mapped, as far as that can be seen. */
static int is_same_file(const struct module_mapping *mapping, const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISREG(status.st_mode) &&
	       (!mapping->inode || mapping->inode == status.st_ino);
}

char *modules_format(struct modules *m, uint64_t addr, char *text)
{
	/* The call lies before the address it returns to. */
	const struct module_mapping *mapping = modules_at(m, addr ? addr - 1 : 0);
	char *path = NULL;
	int n;

	if (!mapping || !*mapping->path) {
		snprintf(text, MODULE_LINE, "0x%" PRIx64, addr);
		return text;
	}
	n = snprintf(text, MODULE_LINE, "%s+0x%" PRIx64, mapping->name, addr - mapping->bias);
	if (*mapping->path != '/' || asprintf(&path, "%s%s", m->root, mapping->path) < 0)
		return text;
	if (!m->symbols)
		m->symbols = symbols_start();
	if (m->symbols && is_same_file(mapping, path)) {
		text[n] = ' ';
		if (!symbols_ask(m->symbols, path, addr - 1 - mapping->bias, text + n + 1,
				 MODULE_LINE - (size_t)n - 1))
			text[n] = 0;
	}
	free(path);
	return text;
}
