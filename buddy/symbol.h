/* SPDX-License-Identifier: MIT */
/*
 * A stack in a report, a line for each frame:
 *
 *	function+0x1d/0x50 [libfoo.so]  /usr/src/foo/file.c:123
 *
 * Offset and size in hex; the library, if it is not the program; file and line where there is
 * debug information. Functions that were inlined there come before, as they were called from it:
 * "\t  (inlined) function  file:line". Where no symbol covers an address: libfoo.so+0x1234, as
 * the file counts addresses; in no file of ours: 0x7f001234.
 *
 * To be called in any state of the process: all by raw system calls, no lock, no memory but a
 * mapping of its own or, where that is refused, a static one; no wait without a limit, 2 s of
 * them in all. Symbols are read by ourselves (symbol_elf.h); file and line, and what is in
 * separate debug files, by kmem-symbols (symbol_helper.h), if it is there. KMEM_SYMBOLS in the
 * environment that the program was started with is another path to it; empty: it is not used.
 */
#ifndef BUDDY_SYMBOL_H
#define BUDDY_SYMBOL_H

#include <stdint.h>

/* Of n return addresses, as unwind gives them. */
void symbols_print(const uintptr_t *frames, unsigned n);
/* As unwind_signal gives them: the first is where the signal came. */
void symbols_print_signal(const uintptr_t *frames, unsigned n);

#endif
