// SPDX-License-Identifier: MIT
/* From .eh_frame_hdr's table to the entry of a function, and its instructions up to pc. See cfi.h.
 */
#include "buddy/cfi.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#define REG_SP 7
#define REG_FP 6
#define REG_RA 16
#elif defined(__aarch64__)
#define REG_SP 31
#define REG_FP 29
#define REG_RA 30
#endif

#define DEPTH 4 /* of remembered states */

/* Pointer encodings: the low four bits say how it is written, the next three relative to what. */
enum {
	ENC_ABS = 0x00,
	ENC_UDATA2 = 0x02,
	ENC_UDATA4 = 0x03,
	ENC_UDATA8 = 0x04,
	ENC_SDATA2 = 0x0a,
	ENC_SDATA4 = 0x0b,
	ENC_SDATA8 = 0x0c,
	ENC_PCREL = 0x10,
	ENC_DATAREL = 0x30,
	ENC_TABLE = ENC_DATAREL | ENC_SDATA4,
};

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

/* Bytes that are read in order; beyond the end they are 0 and it is bad. */
struct bytes {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t get(struct bytes *bytes, unsigned nbytes)
{
	uint64_t value = 0;

	if ((size_t)(bytes->end - bytes->at) < nbytes) {
		bytes->bad = true;
		bytes->at = bytes->end;
		return 0;
	}
	memcpy(&value, bytes->at, nbytes);
	bytes->at += nbytes;
	return value;
}

static void skip(struct bytes *bytes, uint64_t nbytes)
{
	if (nbytes > (uint64_t)(bytes->end - bytes->at)) {
		bytes->bad = true;
		nbytes = (uint64_t)(bytes->end - bytes->at);
	}
	bytes->at += nbytes;
}

static uint64_t get_leb(struct bytes *bytes, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0, byte;

	do {
		byte = (unsigned)get(bytes, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~0ull << shift;
	return value;
}

/* A pointer as encoded, and base for those relative to the table; 0 where we do not know how. */
static uintptr_t get_pointer(struct bytes *bytes, unsigned encoding, uintptr_t base)
{
	uintptr_t here = (uintptr_t)bytes->at, value;

	switch (encoding & 0x0f) {
	case ENC_SDATA4:
		value = (uintptr_t)(int64_t)(int32_t)get(bytes, 4);
		break;
	case ENC_UDATA4:
		value = get(bytes, 4);
		break;
	case ENC_SDATA2:
		value = (uintptr_t)(int64_t)(int16_t)get(bytes, 2);
		break;
	case ENC_UDATA2:
		value = get(bytes, 2);
		break;
	case ENC_ABS:
	case ENC_UDATA8:
	case ENC_SDATA8:
		value = get(bytes, 8);
		break;
	default:
		bytes->bad = true;
		return 0;
	}
	if ((encoding & 0x70) == ENC_PCREL)
		return value + here;
	return (encoding & 0x70) == ENC_DATAREL ? value + base : value;
}

/* What is saved of a register. */
struct saved {
	enum { AS_BEFORE, AT_OFFSET, AT_FP, UNDEFINED, UNKNOWN } how;
	int64_t offset;
};

struct state {
	unsigned cfa_reg;
	int64_t cfa_offset;
	bool cfa_mem, cfa_unknown;
	struct saved ra, fp;
};

/* A function's entry, with what the common entry says of it. */
struct entry {
	uintptr_t begin;
	uint64_t code_align;
	int64_t data_align;
	unsigned encoding;
	bool has_data, is_signal;
	struct bytes common, own;
};

static struct saved *saved_of(struct state *state, uint64_t reg)
{
	static struct saved others;

	return reg == REG_RA ? &state->ra : reg == REG_FP ? &state->fp : &others;
}

/* Of all expressions only the two that a realigned stack needs. */
static bool is_fp_offset(struct bytes *bytes, uint64_t nbytes, bool deref, int64_t *offset)
{
	struct bytes expr = {bytes->at, bytes->at + nbytes, false};

	if (get(&expr, 1) != EXPR_BREG_FP)
		return false;
	*offset = (int64_t)get_leb(&expr, true);
	if (deref && get(&expr, 1) != EXPR_DEREF)
		return false;
	return !expr.bad && expr.at == expr.end;
}

static void def_cfa_expression(struct bytes *bytes, struct state *state)
{
	uint64_t nbytes = get_leb(bytes, false);

	if (nbytes > (uint64_t)(bytes->end - bytes->at)) {
		bytes->bad = true;
		return;
	}
	state->cfa_mem = is_fp_offset(bytes, nbytes, true, &state->cfa_offset);
	state->cfa_unknown = !state->cfa_mem;
	skip(bytes, nbytes);
}

static void set_saved(struct state *state, uint64_t reg, int how, int64_t offset)
{
	struct saved *saved = saved_of(state, reg);

	if (reg != REG_RA && reg != REG_FP)
		return;
	saved->how = how;
	saved->offset = offset;
}

static void expression(struct bytes *bytes, struct state *state)
{
	uint64_t reg = get_leb(bytes, false), nbytes = get_leb(bytes, false);
	int64_t offset = 0;
	bool at_fp;

	if (nbytes > (uint64_t)(bytes->end - bytes->at)) {
		bytes->bad = true;
		return;
	}
	at_fp = reg == REG_FP && is_fp_offset(bytes, nbytes, false, &offset) && offset == 0;
	set_saved(state, reg, at_fp ? AT_FP : UNKNOWN, 0);
	skip(bytes, nbytes);
}

static void def_cfa(struct state *state, uint64_t reg, int64_t offset)
{
	state->cfa_reg = (unsigned)reg;
	state->cfa_offset = offset;
	state->cfa_mem = state->cfa_unknown = false;
}

/* One instruction with an operand code of its own; how far it advances. */
static uint64_t step(const struct entry *entry, struct bytes *bytes, unsigned op,
		     struct state *state)
{
	uint64_t reg;

	switch (op) {
	case OP_ADVANCE1:
		return get(bytes, 1) * entry->code_align;
	case OP_ADVANCE2:
		return get(bytes, 2) * entry->code_align;
	case OP_ADVANCE4:
		return get(bytes, 4) * entry->code_align;
	case OP_OFFSET_EXTENDED:
		reg = get_leb(bytes, false);
		set_saved(state, reg, AT_OFFSET,
			  (int64_t)get_leb(bytes, false) * entry->data_align);
		return 0;
	case OP_OFFSET_EXTENDED_SF:
		reg = get_leb(bytes, false);
		set_saved(state, reg, AT_OFFSET, (int64_t)get_leb(bytes, true) * entry->data_align);
		return 0;
	case OP_UNDEFINED:
		set_saved(state, get_leb(bytes, false), UNDEFINED, 0);
		return 0;
	case OP_SAME_VALUE:
		set_saved(state, get_leb(bytes, false), AS_BEFORE, 0);
		return 0;
	case OP_DEF_CFA:
		reg = get_leb(bytes, false);
		def_cfa(state, reg, (int64_t)get_leb(bytes, false));
		return 0;
	case OP_DEF_CFA_SF:
		reg = get_leb(bytes, false);
		def_cfa(state, reg, (int64_t)get_leb(bytes, true) * entry->data_align);
		return 0;
	case OP_DEF_CFA_REGISTER:
		def_cfa(state, get_leb(bytes, false), state->cfa_offset);
		return 0;
	case OP_DEF_CFA_OFFSET:
		state->cfa_offset = (int64_t)get_leb(bytes, false);
		return 0;
	case OP_DEF_CFA_OFFSET_SF:
		state->cfa_offset = (int64_t)get_leb(bytes, true) * entry->data_align;
		return 0;
	case OP_DEF_CFA_EXPRESSION:
		def_cfa_expression(bytes, state);
		return 0;
	case OP_EXPRESSION:
		expression(bytes, state);
		return 0;
	case OP_REGISTER:
	case OP_VAL_OFFSET:
	case OP_VAL_OFFSET_SF:
		set_saved(state, get_leb(bytes, false), UNKNOWN, 0);
		get_leb(bytes, false);
		return 0;
	case OP_VAL_EXPRESSION:
		set_saved(state, get_leb(bytes, false), UNKNOWN, 0);
		skip(bytes, get_leb(bytes, false));
		return 0;
	case OP_ARGS_SIZE:
		get_leb(bytes, false);
		return 0;
	case OP_NOP:
	case OP_NEGATE_RA_STATE:
		return 0;
	default:
		bytes->bad = true;
		return 0;
	}
}

/* The instructions whose place is not beyond pc; initial is the state that registers return to. */
static bool run(const struct entry *entry, struct bytes bytes, uintptr_t pc, struct state *state,
		const struct state *initial)
{
	struct state kept[DEPTH];
	uintptr_t place = entry->begin;
	unsigned nkept = 0;

	while (bytes.at < bytes.end && place <= pc && !bytes.bad) {
		unsigned op = (unsigned)get(&bytes, 1), low = op & 0x3f;

		switch (op & 0xc0) {
		case OP_ADVANCE:
			place += low * entry->code_align;
			continue;
		case OP_OFFSET:
			set_saved(state, low, AT_OFFSET,
				  (int64_t)get_leb(&bytes, false) * entry->data_align);
			continue;
		case OP_RESTORE:
			*saved_of(state, low) = *saved_of((struct state *)initial, low);
			continue;
		}
		if (op == OP_RESTORE_EXTENDED) {
			uint64_t reg = get_leb(&bytes, false);

			*saved_of(state, reg) = *saved_of((struct state *)initial, reg);
		} else if (op == OP_REMEMBER && nkept < DEPTH) {
			kept[nkept++] = *state;
		} else if (op == OP_RECALL && nkept > 0) {
			*state = kept[--nkept];
		} else if (op == OP_SET_LOC) {
			place = get_pointer(&bytes, entry->encoding, 0);
		} else {
			place += step(entry, &bytes, op, state);
		}
	}
	return !bytes.bad;
}

/* The length, and what follows of it. */
static struct bytes record(const uint8_t *at)
{
	struct bytes bytes = {at, at + 12, false};
	uint64_t nbytes = get(&bytes, 4);

	if (nbytes == 0xffffffff)
		nbytes = get(&bytes, 8);
	bytes.end = bytes.at + nbytes;
	bytes.bad = nbytes == 0;
	return bytes;
}

static bool read_common(const uint8_t *at, struct entry *entry)
{
	struct bytes bytes = record(at);
	const char *letters;
	unsigned version;
	uint64_t ra;

	get(&bytes, 4); /* 0: it is a common entry */
	version = (unsigned)get(&bytes, 1);
	letters = (const char *)bytes.at;
	while (get(&bytes, 1))
		;
	entry->code_align = get_leb(&bytes, false);
	entry->data_align = (int64_t)get_leb(&bytes, true);
	ra = version == 1 ? get(&bytes, 1) : get_leb(&bytes, false);
	if (bytes.bad || ra != REG_RA || (letters[0] && letters[0] != 'z'))
		return false;
	entry->has_data = letters[0];
	if (entry->has_data) {
		uint64_t nbytes = get_leb(&bytes, false);
		struct bytes data = bytes;

		skip(&bytes, nbytes);
		for (letters++; *letters; letters++) {
			if (*letters == 'R')
				entry->encoding = (unsigned)get(&data, 1);
			else if (*letters == 'P')
				get_pointer(&data, (unsigned)get(&data, 1), 0);
			else if (*letters == 'L')
				get(&data, 1);
			else if (*letters == 'S')
				entry->is_signal = true;
			else if (*letters != 'B')
				return false;
		}
	}
	entry->common = bytes;
	return !bytes.bad;
}

/* The entry, if pc is within its function. */
static bool read_entry(const uint8_t *at, uintptr_t pc, struct entry *entry)
{
	struct bytes bytes = record(at);
	const uint8_t *here = bytes.at;
	uint32_t back = (uint32_t)get(&bytes, 4);
	uintptr_t nbytes;

	if (bytes.bad || !back || !read_common(here - back, entry))
		return false;
	entry->begin = get_pointer(&bytes, entry->encoding, 0);
	nbytes = get_pointer(&bytes, entry->encoding & 0x0f, 0);
	if (entry->has_data)
		skip(&bytes, get_leb(&bytes, false));
	entry->own = bytes;
	return !bytes.bad && pc - entry->begin < nbytes;
}

/* The last entry of the sorted table that begins at pc or before; NULL: none. */
static const uint8_t *search(const uint8_t *header, uintptr_t pc)
{
	struct bytes bytes = {header, header + 32, false};
	unsigned version = (unsigned)get(&bytes, 1), frame = (unsigned)get(&bytes, 1);
	unsigned count = (unsigned)get(&bytes, 1), table = (unsigned)get(&bytes, 1);
	uintptr_t base = (uintptr_t)header, low = 0, high;
	const int32_t(*places)[2];

	get_pointer(&bytes, frame, base);
	high = get_pointer(&bytes, count, base);
	if (version != 1 || bytes.bad || table != ENC_TABLE || (uintptr_t)bytes.at % 4)
		return NULL;
	places = (const int32_t(*)[2])bytes.at;
	while (low < high) {
		uintptr_t middle = low + (high - low) / 2;

		if (base + (uintptr_t)(int64_t)places[middle][0] <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? header + places[low - 1][1] : NULL;
}

static bool fits(int64_t offset)
{
	return offset > INT16_MIN && offset <= INT16_MAX;
}

static struct cfi_rule rule_of(const struct state *state)
{
	struct cfi_rule rule = {.kind = CFI_NONE, .ra = CFI_SAME, .fp = CFI_SAME};

	if (state->cfa_unknown || state->ra.how > AT_FP || state->cfa_offset > INT32_MAX ||
	    state->cfa_offset < INT32_MIN)
		return rule;
	if (!state->cfa_mem && state->cfa_reg != REG_SP && state->cfa_reg != REG_FP)
		return rule;
	if (state->ra.how == AT_OFFSET && fits(state->ra.offset))
		rule.ra = (int16_t)state->ra.offset;
	if (state->fp.how == AT_OFFSET && fits(state->fp.offset))
		rule.fp = (int16_t)state->fp.offset;
	rule.fp_at_fp = state->fp.how == AT_FP;
	rule.frame = (int32_t)state->cfa_offset;
	rule.kind = state->cfa_mem ? CFI_FP_MEM : state->cfa_reg == REG_FP ? CFI_FP : CFI_SP;
	return rule;
}

/* glibc has it since 2.35; elsewhere nothing finds a module without a lock. */
static const void *find_table(uintptr_t pc)
{
#if KMEM_DL_FIND_OBJECT
	struct dl_find_object object;

	return _dl_find_object((void *)pc, &object) == 0 ? object.dlfo_eh_frame : NULL;
#else
	(void)pc;
	return NULL;
#endif
}

struct cfi_rule cfi_find(uintptr_t pc)
{
	const struct cfi_rule none = {.kind = CFI_NONE};
	struct state state = {.cfa_unknown = true}, initial;
	struct entry entry = {.encoding = ENC_ABS};
	const uint8_t *table = find_table(pc), *found = table ? search(table, pc) : NULL;

	if (!found || !read_entry(found, pc, &entry))
		return none;
	if (entry.is_signal)
		return (struct cfi_rule){.kind = CFI_SIGNAL};
	if (!run(&entry, entry.common, pc, &state, &state))
		return none;
	initial = state;
	if (!run(&entry, entry.own, pc, &state, &initial))
		return none;
	return rule_of(&state);
}
