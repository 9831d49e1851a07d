/* SPDX-License-Identifier: MIT */
/*
 * The truth that fake_target publishes, and the notes that lead to it. Two
 * decoys lie before the real note: a distance to nowhere, and a root without
 * caches.
 */
#include "fake_root.h"

#include <string.h>

#define MASK 0xf8 /* of a sheaf of 256 bytes */

uint64_t table[NCACHES];
struct fake_cache caches[NCACHES];
struct fake_thread threads[3];
struct fake_slot slots[2][NCACHES];
struct fake_shelf shelves[2][NCACHES];
struct fake_zone zones[2];
struct fake_heap heaps[2];
static uint64_t sheaf[32] __attribute__((aligned(256)));
static uint64_t spare[32] __attribute__((aligned(256)));

struct kmem_root fake_root __attribute__((used));
struct kmem_root fake_decoy __attribute__((visibility("hidden"), used)) = {
	.magic = KMEM_ROOT_MAGIC,
	.version = KMEM_ROOT_VERSION,
	.size = sizeof(struct kmem_root),
	.cache_size = sizeof(struct kmem_root_cache),
	.thread_size = sizeof(struct kmem_root_thread),
	.slot_size = sizeof(struct kmem_root_slot),
	.shelf_size = sizeof(struct kmem_root_shelf),
	.zone_size = sizeof(struct kmem_root_zone),
	.heap_size = sizeof(struct kmem_root_heap),
};

#define NOTE(descriptor)                                                                           \
	".balign 4\n"                                                                              \
	".long 8, 8, 0x6b6d656d\n" /* KMEM_NOTE_TYPE */                                            \
	".asciz \"libkmem\"\n"                                                                     \
	"1: " descriptor "\n"

__asm__(".pushsection .note.fake, \"a\", %note\n"
	/* clang-format off */
	NOTE(".quad 0x7fffffffff")
	NOTE(".quad fake_decoy - 1b")
	NOTE(".quad fake_root - 1b")
	/* clang-format on */
	".popsection\n");

uint64_t addr_of(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* What to make of an id, in the order of struct kmem_root_cache. */
struct plan {
	const char *name;
	uint32_t stride, slab_pages, slab_objects, nslabs, nempty;
	uint64_t taken, given;
};

static const struct plan plans[NCACHES] = {
	[1] = {"alpha", 32, 1, 128, 10, 1, 500, 100},
	[2] = {"beta_cache", 1024, 8, 32, 4, 0, 128, 0},
	[3] = {"Gamma", 8192, 16, 8, 40, 30, 100, 20},
	[4] = {"malloc-96", 96, 1, 42, 6, 0, 300, 49},
	[5] = {"zeta", 200, 2, 40, 0, 0, 0, 0},
	[6] = {"ghost", 64, 1, 64, 5, 0, 9, 0}, /* destroyed */
	/* 7 was never used */
	[8] = {"delta", 64, 1, 64, 1, 1, 5, 50},      /* below zero: 0 */
	[9] = {"over", 2048, 1, 2, 2, 0, 1000000, 0}, /* above all: 4 */
};

static void make_caches(void)
{
	for (uint32_t id = 1; id < NCACHES; id++) {
		const struct plan *p = &plans[id];

		if (!p->name)
			continue;
		caches[id].c = (struct kmem_root_cache){
			.seq = 4,
			.generation = 1,
			.id = id,
			.object_size = p->stride - 8,
			.stride = p->stride,
			.align = 8,
			.slab_pages = p->slab_pages,
			.slab_objects = p->slab_objects,
			.nslabs = p->nslabs,
			.nslabs_empty = p->nempty,
			.taken = p->taken,
			.given = p->given,
		};
		strcpy(caches[id].c.name, p->name);
		memset(caches[id].more, 0xff, sizeof(caches[id].more));
		table[id] = addr_of(&caches[id]);
	}
	caches[1].c.lent = 30;
	caches[6].c.id = 0;
}

static struct kmem_root_shelf *shelf_of(int thread, int id)
{
	return &shelves[thread][NCACHES - 1 - id].s;
}

/* alpha: away 500 - 100 + 700 - 200 + 50 - 10 = 940, parked 30 + 15 + 16 = 61,
 * so 879 in use. The second thread has slots for ids 0 to 2 only. */
static void make_threads(void)
{
	slots[0][1].s = (struct kmem_root_slot){.sp = addr_of(&sheaf[15]), .mask = MASK};
	slots[1][1].s = (struct kmem_root_slot){.sp = addr_of(&sheaf[0]), .mask = MASK};
	*shelf_of(0, 1) = (struct kmem_root_shelf){
		.spare = {.sp = addr_of(&spare[11]), .mask = MASK},
		.taken = 700,
		.given = 200,
		.lent = 5,
	};
	*shelf_of(1, 1) = (struct kmem_root_shelf){.taken = 50, .given = 10};
	*shelf_of(1, 3) = (struct kmem_root_shelf){.taken = 77}; /* not readable, not counted */
	for (int i = 0; i < 3; i++) {
		threads[i].t = (struct kmem_root_thread){
			.next = i < 2 ? addr_of(&threads[i + 1]) : 0,
			.slots = i < 2 ? addr_of(slots[i]) : 0,
			.shelves = i < 2 ? addr_of(shelf_of(i, 0)) : 0,
			.nslots = i == 0   ? NCACHES
				  : i == 1 ? 3
					   : 0,
			.tid = i < 2 ? 100 + i : 0,
		};
	}
}

static void make_areas(void)
{
	for (int i = 0; i < 2; i++) {
		zones[i].z = (struct kmem_root_zone){
			.next = i < 1 ? addr_of(&zones[1]) : 0,
			.npages = 8192,
			.committed = 512,
		};
		heaps[i].h = (struct kmem_root_heap){
			.next = i < 1 ? addr_of(&heaps[1]) : 0,
			.name = "malloc",
			.span_bytes = 1 << 20,
		};
	}
}

static void make_root(void)
{
	fake_root = (struct kmem_root){
		.magic = KMEM_ROOT_MAGIC,
		.version = KMEM_ROOT_VERSION,
		.size = sizeof(fake_root) + 8,
		.cache_size = sizeof(struct fake_cache),
		.thread_size = sizeof(struct fake_thread),
		.slot_size = sizeof(struct fake_slot),
		.shelf_size = sizeof(struct fake_shelf),
		.zone_size = sizeof(struct fake_zone),
		.heap_size = sizeof(struct fake_heap),
		.max_caches = 1000,
		.ncaches = NCACHES,
		.release = "0.1",
		.caches = addr_of(table),
		.threads = addr_of(&threads[0]),
		.zones = addr_of(&zones[0]),
		.heaps = addr_of(&heaps[0]),
		.mapped_bytes = 3 << 20,
	};
}

void fake_make(void)
{
	make_caches();
	make_threads();
	make_areas();
	make_root();
}
