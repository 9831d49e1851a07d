// SPDX-License-Identifier: MIT
/* From .eh_frame_hdr's table to the entry of a function, and to a rule. See cfi.h. */
#include "buddy/cfi.h"

#include "buddy/cfi_run.h"

#include <dlfcn.h>

/* The length, and what follows of it. */
static struct bytes record(const uint8_t *at)
{
	struct bytes bytes = {at, at + 12, false};
	uint64_t nbytes = bytes_get(&bytes, 4);

	if (nbytes == 0xffffffff)
		nbytes = bytes_get(&bytes, 8);
	bytes.end = bytes.at + nbytes;
	bytes.bad = nbytes == 0;
	return bytes;
}

static bool read_common(const uint8_t *at, struct cfi_entry *entry)
{
	struct bytes bytes = record(at);
	const char *letters;
	unsigned version;
	uint64_t ra;

	bytes_get(&bytes, 4); /* 0: it is a common entry */
	version = (unsigned)bytes_get(&bytes, 1);
	letters = (const char *)bytes.at;
	while (bytes_get(&bytes, 1))
		;
	entry->code_align = bytes_leb(&bytes, false);
	entry->data_align = (int64_t)bytes_leb(&bytes, true);
	ra = version == 1 ? bytes_get(&bytes, 1) : bytes_leb(&bytes, false);
	if (bytes.bad || ra != REG_RA || (letters[0] && letters[0] != 'z'))
		return false;
	entry->has_data = letters[0];
	if (entry->has_data) {
		struct bytes data = bytes_block(&bytes);

		for (letters++; *letters; letters++) {
			if (*letters == 'R')
				entry->encoding = (unsigned)bytes_get(&data, 1);
			else if (*letters == 'P')
				bytes_pointer(&data, (unsigned)bytes_get(&data, 1), 0);
			else if (*letters == 'L')
				bytes_get(&data, 1);
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
static bool read_entry(const uint8_t *at, uintptr_t pc, struct cfi_entry *entry)
{
	struct bytes bytes = record(at);
	const uint8_t *here = bytes.at;
	uint32_t back = (uint32_t)bytes_get(&bytes, 4);
	uintptr_t nbytes;

	if (bytes.bad || !back || !read_common(here - back, entry))
		return false;
	entry->begin = bytes_pointer(&bytes, entry->encoding, 0);
	nbytes = bytes_pointer(&bytes, entry->encoding & 0x0f, 0);
	if (entry->has_data)
		bytes_block(&bytes);
	entry->own = bytes;
	return !bytes.bad && pc - entry->begin < nbytes;
}

/* The last entry of the sorted table that begins at pc or before; NULL: none. */
static const uint8_t *search(const uint8_t *header, uintptr_t pc)
{
	struct bytes bytes = {header, header + 32, false};
	unsigned version = (unsigned)bytes_get(&bytes, 1), frame = (unsigned)bytes_get(&bytes, 1);
	unsigned count = (unsigned)bytes_get(&bytes, 1), table = (unsigned)bytes_get(&bytes, 1);
	uintptr_t base = (uintptr_t)header, low = 0, high;
	const int32_t(*places)[2];

	bytes_pointer(&bytes, frame, base);
	high = bytes_pointer(&bytes, count, base);
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

static struct cfi_rule rule_of(const struct cfi_state *state)
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
	struct cfi_entry entry = {.encoding = ENC_ABS};
	struct cfi_state state;
	const uint8_t *table = find_table(pc), *found = table ? search(table, pc) : NULL;

	if (!found || !read_entry(found, pc, &entry))
		return none;
	if (entry.is_signal)
		return (struct cfi_rule){.kind = CFI_SIGNAL};
	return cfi_run(&entry, pc, &state) ? rule_of(&state) : none;
}
