/* SPDX-License-Identifier: MIT */
/*
 * KMEM_DEBUG, in the kernel's syntax for slab_debug: blocks of letters, and after commas the
 * names of caches, with * at the end of some, separated by semicolons. No letters are FZPU.
 * The first block with a matching name counts, else the last without names.
 *
 *	F consistency	Z red zones	P poison	U users		T trace
 *	A failures	O not where slabs would grow	- nothing
 */
#ifndef SLAB_DEBUG_SPEC_H
#define SLAB_DEBUG_SPEC_H

#include <kmem/cache.h>
#include <stdbool.h>
#include <stddef.h>

#define DEBUG_SPARE 0x80000000u /* the letter O */

/* Copy it; origin is named when a letter is not known. false: it is too long, and nothing is set.
 */
bool debug_spec_set(const char *spec, const char *origin);
/* SLAB_ flags of a cache of that name, with DEBUG_SPARE. */
slab_flags_t debug_spec_flags(const char *name);
/* Letters to flags; unknown ones are left out. At is moved behind them. */
slab_flags_t debug_letters(const char **at);

#endif
