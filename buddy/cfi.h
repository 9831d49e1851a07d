/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: how to get from a place in the code to its caller, out of the
 * .eh_frame that compilers emit for exceptions. It is read in place, with neither lock
 * nor memory; what is damaged or too clever gives no rule.
 *
 * Of the registers only stack and frame pointer are followed, as frames are found by them.
 * Sources: DWARF Debugging Information Format 5, section 6.4; Linux Standard Base 5.0,
 * "Exception Frames"; the System V ABIs of x86-64 and of the 64-bit ARM.
 */
#ifndef BUDDY_CFI_H
#define BUDDY_CFI_H

#include <stdbool.h>
#include <stdint.h>

enum cfi_kind {
	CFI_NONE,   /* no rule: the stack ends here as far as we can see */
	CFI_SP,	    /* the frame begins at the stack pointer + frame */
	CFI_FP,	    /* … at the frame pointer + frame */
	CFI_FP_MEM, /* … at what is stored at the frame pointer + frame: a realigned stack */
	CFI_SIGNAL, /* a signal handler's caller: all registers are in the kernel's record */
};

#define CFI_SAME INT16_MIN /* the register still holds it */

/* Offsets in bytes; of what is saved, from the frame's beginning (the CFA). */
struct cfi_rule {
	int32_t frame;
	int16_t ra;    /* where the return address is … */
	int16_t fp;    /* … and the caller's frame pointer */
	bool fp_at_fp; /* … which is stored where the frame pointer points, instead */
	uint8_t kind;
};

/* The rule at pc, an address of the program's code. */
struct cfi_rule cfi_find(uintptr_t pc);

#endif
