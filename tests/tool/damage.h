/* SPDX-License-Identifier: MIT */
/* Damage to a core, for fuzz_core.c: other values on bytes that a reading reads, and their return.
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct damaged {
	int fd;
	char *clean; /* the core as it was; 8 bytes longer */
	size_t nbytes;
	size_t nelf; /* header, program headers, notes */
};

/* Every pread from now on … */
void damage_start_recording(struct damaged *core);
/* … that was of this descriptor counts; how many. */
size_t damage_stop_recording(int fd);

/* All that follows is the same for the same seed and core. */
void damage_seed(uint64_t seed);
uint64_t damage_below(uint64_t n);
uint64_t damage_somewhere(void); /* the offset of a byte that is read */

void damage_core(void);
void damage_undo(void);

/* For --wrap=pread. */
ssize_t __real_pread(int fd, void *buf, size_t nbytes, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t nbytes, off_t offset);

#endif
