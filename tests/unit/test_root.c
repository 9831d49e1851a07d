// SPDX-License-Identifier: MIT
/* The published root: found by its note, its sizes, its lists; and the search for a twin. */
#include "unit.h"

#include "buddy/root.h"
#include "buddy/zone.h"
#include "lib/heap.h"
#include "lib/twin.h"
#include "slab/thread.h"

#include <elf.h>
#include <kmem.h>
#include <link.h>

static int look(struct dl_phdr_info *module, size_t nbytes, void *found)
{
	(void)nbytes;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &module->dlpi_phdr[i];

		if (segment->p_type == PT_NOTE && !*(const void **)found)
			*(const void **)found =
				root_in_notes((const char *)module->dlpi_addr + segment->p_vaddr,
					      segment->p_memsz);
	}
	return 0;
}

START_TEST(the_note_leads_to_the_root)
{
	const struct kmem_root *root = NULL;

	dl_iterate_phdr(look, &root);
	ck_assert_ptr_eq(root, &root_record);
}
END_TEST

START_TEST(the_root_says_who_and_how_large)
{
	ck_assert_str_eq(root_record.magic, "libkmem");
	ck_assert_uint_eq(root_record.version, KMEM_ROOT_VERSION);
	ck_assert_uint_eq(root_record.size, sizeof(struct kmem_root));
	ck_assert_uint_ge(root_record.cache_size, sizeof(struct kmem_root_cache));
	ck_assert_uint_ge(root_record.thread_size, sizeof(struct kmem_root_thread));
	ck_assert_uint_eq(root_record.slot_size, sizeof(struct kmem_root_slot));
	ck_assert_uint_ge(root_record.shelf_size, sizeof(struct kmem_root_shelf));
	ck_assert_uint_ge(root_record.zone_size, sizeof(struct kmem_root_zone));
	ck_assert_uint_ge(root_record.heap_size, sizeof(struct kmem_root_heap));
	ck_assert_uint_eq(root_record.max_caches, 65536);
}
END_TEST

START_TEST(other_notes_lead_nowhere)
{
	struct __attribute__((packed, aligned(4))) {
		Elf64_Nhdr head;
		char name[8];
		int64_t distance;
	} note = {{8, 8, KMEM_NOTE_TYPE + 1}, KMEM_NOTE_OWNER, 0};

	ck_assert_ptr_null(root_in_notes((char *)&note, sizeof(note)));
	note.head.n_type = KMEM_NOTE_TYPE;
	ck_assert_ptr_eq(root_in_notes((char *)&note, sizeof(note)), (char *)&note + 20);
	note.name[0] = 'L';
	ck_assert_ptr_null(root_in_notes((char *)&note, sizeof(note)));
	ck_assert_ptr_null(root_in_notes((char *)&note, 0));
}
END_TEST

START_TEST(every_list_hangs_from_the_root)
{
	struct kmem_cache *cache = kmem_cache_create("rooted", 50, 0, 0, NULL);
	const struct kmem_root_thread *thread;
	const uint64_t *table = (const uint64_t *)root_record.caches;
	const struct kmem_root_cache *record;

	kmem_free(kmem_malloc(60000));
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	record = (const struct kmem_root_cache *)table[root_record.ncaches - 1];
	ck_assert_str_eq(record->name, "rooted");
	ck_assert_uint_eq(record->seq % 2, 0);
	ck_assert_uint_eq(record->id, root_record.ncaches - 1);
	thread = (const struct kmem_root_thread *)root_record.threads;
	ck_assert_uint_eq(thread->tid, (unsigned)getpid());
	ck_assert_uint_ne(((const struct kmem_root_slot *)thread->slots)[record->id].mask, 0);
	ck_assert_ptr_nonnull((void *)root_record.zones);
	ck_assert_ptr_nonnull((void *)root_record.heaps);
}
END_TEST

START_TEST(a_process_alone_finds_no_twin)
{
	ck_assert_int_eq(unit_child(twin_check).status, 0);
	ck_assert_str_eq(unit_child(twin_check).text, "");
}
END_TEST

UNIT_MAIN("root", the_note_leads_to_the_root, the_root_says_who_and_how_large,
	  other_notes_lead_nowhere, every_list_hangs_from_the_root, a_process_alone_finds_no_twin)
