// SPDX-License-Identifier: MIT
/* Call frame instructions, as far as compilers use them. See cfi_run.h. */
#include "buddy/cfi_run.h"

#define DEPTH 4 /* of remembered states */

enum {
	OP_ADVANCE = 0x40, /* these three have an operand in their low six bits */
	OP_OFFSET = 0x80,
	OP_RESTORE = 0xc0,
	OP_NOP = 0x00,
	OP_SET_LOC = 0x01,
	OP_ADVANCE1 = 0x02,
	OP_ADVANCE2 = 0x03,
	OP_ADVANCE4 = 0x04,
	OP_OFFSET_EXTENDED = 0x05,
	OP_RESTORE_EXTENDED = 0x06,
	OP_UNDEFINED = 0x07,
	OP_SAME_VALUE = 0x08,
	OP_REGISTER = 0x09,
	OP_REMEMBER = 0x0a,
	OP_RECALL = 0x0b,
	OP_DEF_CFA = 0x0c,
	OP_DEF_CFA_REGISTER = 0x0d,
	OP_DEF_CFA_OFFSET = 0x0e,
	OP_DEF_CFA_EXPRESSION = 0x0f,
	OP_EXPRESSION = 0x10,
	OP_OFFSET_EXTENDED_SF = 0x11,
	OP_DEF_CFA_SF = 0x12,
	OP_DEF_CFA_OFFSET_SF = 0x13,
	OP_VAL_OFFSET = 0x14,
	OP_VAL_OFFSET_SF = 0x15,
	OP_VAL_EXPRESSION = 0x16,
	OP_NEGATE_RA_STATE = 0x2d, /* of ARM: the return address is signed, or no longer */
	OP_ARGS_SIZE = 0x2e,
};

#define EXPR_BREG_FP (0x70 + REG_FP) /* push the frame pointer + an offset */
#define EXPR_DEREF   0x06

/* Of all expressions only the two that a realigned stack needs. */
static bool is_fp_offset(struct bytes expr, bool deref, int64_t *offset)
{
	if (bytes_get(&expr, 1) != EXPR_BREG_FP)
		return false;
	*offset = (int64_t)bytes_leb(&expr, true);
	if (deref && bytes_get(&expr, 1) != EXPR_DEREF)
		return false;
	return !expr.bad && expr.at == expr.end;
}

static void def_cfa_expression(struct bytes *bytes, struct cfi_state *state)
{
	state->cfa_mem = is_fp_offset(bytes_block(bytes), true, &state->cfa_offset);
	state->cfa_unknown = !state->cfa_mem;
}

static void set_saved(struct cfi_state *state, uint64_t reg, int how, int64_t offset)
{
	struct cfi_saved saved = {how, offset};

	if (reg == REG_RA)
		state->ra = saved;
	else if (reg == REG_FP)
		state->fp = saved;
}

static void restore(struct cfi_state *state, uint64_t reg, const struct cfi_state *initial)
{
	if (reg == REG_RA)
		state->ra = initial->ra;
	else if (reg == REG_FP)
		state->fp = initial->fp;
}

static void expression(struct bytes *bytes, struct cfi_state *state)
{
	uint64_t reg = bytes_leb(bytes, false);
	int64_t offset = 0;
	bool at_fp =
		is_fp_offset(bytes_block(bytes), false, &offset) && reg == REG_FP && offset == 0;

	set_saved(state, reg, at_fp ? AT_FP : UNKNOWN, 0);
}

static void def_cfa(struct cfi_state *state, uint64_t reg, int64_t offset)
{
	state->cfa_reg = (unsigned)reg;
	state->cfa_offset = offset;
	state->cfa_mem = state->cfa_unknown = false;
}

/* These three answer whether the instruction is one of theirs. */
static bool advance(const struct cfi_entry *entry, struct bytes *bytes, unsigned op,
		    uintptr_t *place)
{
	switch (op) {
	case OP_SET_LOC:
		*place = bytes_pointer(bytes, entry->encoding, 0);
		return true;
	case OP_ADVANCE1:
		*place += bytes_get(bytes, 1) * entry->code_align;
		return true;
	case OP_ADVANCE2:
		*place += bytes_get(bytes, 2) * entry->code_align;
		return true;
	case OP_ADVANCE4:
		*place += bytes_get(bytes, 4) * entry->code_align;
		return true;
	default:
		return false;
	}
}

static bool cfa_rule(const struct cfi_entry *entry, struct bytes *bytes, unsigned op,
		     struct cfi_state *state)
{
	uint64_t reg;

	switch (op) {
	case OP_DEF_CFA:
		reg = bytes_leb(bytes, false);
		def_cfa(state, reg, (int64_t)bytes_leb(bytes, false));
		return true;
	case OP_DEF_CFA_SF:
		reg = bytes_leb(bytes, false);
		def_cfa(state, reg, (int64_t)bytes_leb(bytes, true) * entry->data_align);
		return true;
	case OP_DEF_CFA_REGISTER:
		def_cfa(state, bytes_leb(bytes, false), state->cfa_offset);
		return true;
	case OP_DEF_CFA_OFFSET:
		state->cfa_offset = (int64_t)bytes_leb(bytes, false);
		return true;
	case OP_DEF_CFA_OFFSET_SF:
		state->cfa_offset = (int64_t)bytes_leb(bytes, true) * entry->data_align;
		return true;
	case OP_DEF_CFA_EXPRESSION:
		def_cfa_expression(bytes, state);
		return true;
	default:
		return false;
	}
}

static bool register_rule(const struct cfi_entry *entry, struct bytes *bytes, unsigned op,
			  struct cfi_state *state)
{
	uint64_t reg;

	switch (op) {
	case OP_OFFSET_EXTENDED:
	case OP_OFFSET_EXTENDED_SF:
		reg = bytes_leb(bytes, false);
		set_saved(state, reg, AT_OFFSET,
			  (int64_t)bytes_leb(bytes, op == OP_OFFSET_EXTENDED_SF) *
				  entry->data_align);
		return true;
	case OP_UNDEFINED:
		set_saved(state, bytes_leb(bytes, false), UNDEFINED, 0);
		return true;
	case OP_SAME_VALUE:
		set_saved(state, bytes_leb(bytes, false), AS_BEFORE, 0);
		return true;
	case OP_EXPRESSION:
		expression(bytes, state);
		return true;
	case OP_REGISTER:
	case OP_VAL_OFFSET:
	case OP_VAL_OFFSET_SF:
		set_saved(state, bytes_leb(bytes, false), UNKNOWN, 0);
		bytes_leb(bytes, false);
		return true;
	case OP_VAL_EXPRESSION:
		set_saved(state, bytes_leb(bytes, false), UNKNOWN, 0);
		bytes_block(bytes);
		return true;
	default:
		return false;
	}
}

/* One instruction with an operand code of its own. */
static void step(const struct cfi_entry *entry, struct bytes *bytes, unsigned op, uintptr_t *place,
		 struct cfi_state *state)
{
	if (op == OP_NOP || op == OP_NEGATE_RA_STATE)
		return;
	if (op == OP_ARGS_SIZE)
		bytes_leb(bytes, false);
	else if (!advance(entry, bytes, op, place) && !cfa_rule(entry, bytes, op, state) &&
		 !register_rule(entry, bytes, op, state))
		bytes->bad = true;
}

/* The instructions whose place is not beyond pc; initial is the state that registers return to. */
static bool run(const struct cfi_entry *entry, struct bytes bytes, uintptr_t pc,
		struct cfi_state *state, const struct cfi_state *initial)
{
	struct cfi_state kept[DEPTH];
	uintptr_t place = entry->begin;
	unsigned nkept = 0;

	while (bytes.at < bytes.end && place <= pc && !bytes.bad) {
		unsigned op = (unsigned)bytes_get(&bytes, 1), low = op & 0x3f;

		switch (op & 0xc0) {
		case OP_ADVANCE:
			place += low * entry->code_align;
			continue;
		case OP_OFFSET:
			set_saved(state, low, AT_OFFSET,
				  (int64_t)bytes_leb(&bytes, false) * entry->data_align);
			continue;
		case OP_RESTORE:
			restore(state, low, initial);
			continue;
		}
		if (op == OP_RESTORE_EXTENDED)
			restore(state, bytes_leb(&bytes, false), initial);
		else if (op == OP_REMEMBER && nkept < DEPTH)
			kept[nkept++] = *state;
		else if (op == OP_RECALL && nkept > 0)
			*state = kept[--nkept];
		else
			step(entry, &bytes, op, &place, state);
	}
	return !bytes.bad;
}

bool cfi_run(const struct cfi_entry *entry, uintptr_t pc, struct cfi_state *state)
{
	struct cfi_state initial;

	*state = (struct cfi_state){.cfa_unknown = true};
	if (!run(entry, entry->common, pc, state, state))
		return false;
	initial = *state;
	return run(entry, entry->own, pc, state, &initial);
}
