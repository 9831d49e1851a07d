// SPDX-License-Identifier: MIT
/* The note that leads to the root. The root itself, knowing all layers, is lib/root.c. */
#include "buddy/root.h"

#include <elf.h>
#include <string.h>

/*
 * The distance from the note's descriptor to the root, settled when linking, so
 * that neither symbols nor relocations are needed to follow it.
 */
__asm__(".pushsection .note.libkmem, \"a\", %note\n"
	".balign 4\n"
	".long 8\n"	     /* owner's length */
	".long 8\n"	     /* descriptor's length */
	".long 0x6b6d656d\n" /* KMEM_NOTE_TYPE */
	".asciz \"libkmem\"\n"
	"1: .quad root_record - 1b\n"
	".popsection\n");

_Static_assert(KMEM_NOTE_TYPE == 0x6b6d656d, "as in the note above");

static const char *note_next(const char *note, const Elf64_Nhdr *head)
{
	return note + sizeof(*head) + ((head->n_namesz + 3) & ~3u) + ((head->n_descsz + 3) & ~3u);
}

const struct kmem_root *root_in_notes(const char *notes, uint64_t nbytes)
{
	const char *end = notes + nbytes;

	for (const char *note = notes; note + sizeof(Elf64_Nhdr) < end;) {
		const Elf64_Nhdr *head = (const Elf64_Nhdr *)note;
		const char *desc = note + sizeof(*head) + 8;
		int64_t distance;

		if (head->n_type == KMEM_NOTE_TYPE && head->n_namesz == 8 && head->n_descsz == 8 &&
		    memcmp(note + sizeof(*head), KMEM_NOTE_OWNER, 8) == 0) {
			memcpy(&distance, desc, sizeof(distance));
			return (const struct kmem_root *)(desc + distance);
		}
		note = note_next(note, head);
	}
	return NULL;
}
