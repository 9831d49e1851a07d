/* SPDX-License-Identifier: MIT */
/*
 * A core file: what of its memory it holds itself, and which files hold the
 * rest.
 *
 *	segment  [start ... filled)	in the core at offset
 *		 [filled ... end)	left out
 *	mapping  [start ... end)	a file from its offset on (NT_FILE)
 *
 * What was left out of a segment that is not writable is in the file that is
 * mapped there; of a writable one only the process knew it.
 */
#ifndef KMEMTOP_CORE_H
#define KMEMTOP_CORE_H

#include "target.h"

enum core_file_state {
	CORE_FILE_UNTRIED,
	CORE_FILE_OPEN,
	CORE_FILE_MISSING,
	CORE_FILE_OTHER, /* its first page is not that of the file that ran */
};

struct core_file {
	const char *path;
	enum core_file_state state;
	int given; /* by -e */
	int err;   /* why it is missing */
	int fd;
};

struct core_mapping {
	uint64_t start, end, offset;
	size_t file; /* index */
};

struct core_segment {
	uint64_t start, filled, end, offset;
	int readable, writable, executable;
};

struct core {
	int fd;
	uint64_t nbytes;	       /* of the file */
	struct core_segment *segments; /* by address, without overlaps */
	size_t nsegments;
	struct core_mapping *mappings; /* by address */
	size_t nmappings;
	struct core_file *files;
	size_t nfiles;
	char *paths;   /* what the files' point to; NULL: there was no NT_FILE */
	uint64_t phdr; /* address of the executable's program headers, or 0 */
	char missing[TARGET_WHY];
};

/* Opens t->path and sets t->core and t->pid. */
int core_open(struct target *t, const char *exe);
void core_close(struct core *c);

/* Fills in what NT_FILE says. 0 or -ENOMEM; of a senseless one nothing is taken. */
int core_take_mappings(struct core *c, const char *note, size_t nbytes);

/* Puts exe in the place of the executable's file, or under a core that names none. */
int core_take_exe(struct target *t, struct core *c, const char *exe);

/* The file's state, after an attempt to open it. */
enum core_file_state core_file_open(struct core *c, struct core_file *file);

/* NULL, or what lies at an address. */
const struct core_segment *core_segment_at(const struct core *c, uint64_t addr);
const struct core_mapping *core_mapping_at(const struct core *c, uint64_t addr);

#endif
