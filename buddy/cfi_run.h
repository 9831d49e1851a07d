/* SPDX-License-Identifier: MIT */
/* A function's entry in call frame information, and what its instructions say at a pc. */
#ifndef BUDDY_CFI_RUN_H
#define BUDDY_CFI_RUN_H

#include "buddy/cfi_bytes.h"

#if defined(__x86_64__)
#define REG_SP 7
#define REG_FP 6
#define REG_RA 16
#elif defined(__aarch64__)
#define REG_SP 31
#define REG_FP 29
#define REG_RA 30
#endif

/* What is saved of a register. */
struct cfi_saved {
	enum { AS_BEFORE, AT_OFFSET, AT_FP, UNDEFINED, UNKNOWN } how;
	int64_t offset;
};

struct cfi_state {
	unsigned cfa_reg;
	int64_t cfa_offset;
	bool cfa_mem, cfa_unknown;
	struct cfi_saved ra, fp;
};

/* A function's entry, with what the common entry says of it. */
struct cfi_entry {
	uintptr_t begin;
	uint64_t code_align;
	int64_t data_align;
	unsigned encoding;
	bool has_data, is_signal;
	struct bytes common, own;
};

/*
 * Run the instructions of the common entry and of the function's whose place is not beyond pc.
 * false: they are not understood.
 */
bool cfi_run(const struct cfi_entry *entry, uintptr_t pc, struct cfi_state *state);

#endif
