/* SPDX-License-Identifier: MIT */
/*
 * A made-up root, as kmem/inspect.h says, in a process without any libkmem.
 *
 * The records are longer than their structs, as those of a later libkmem may
 * be. fake_make fills them with the truth, which is the table that
 * test_kmemtop.sh expects; the modes of fake_target.c then bend it.
 */
#ifndef FAKE_ROOT_H
#define FAKE_ROOT_H

#include <kmem/inspect.h>

#define NCACHES 10 /* ids 1 to 9 */

struct fake_cache {
	struct kmem_root_cache c;
	char more[5000];
};
struct fake_thread {
	struct kmem_root_thread t;
	char more[24];
};
struct fake_slot {
	struct kmem_root_slot s;
	char more[16];
};
struct fake_shelf {
	struct kmem_root_shelf s;
	char more[8];
};
struct fake_zone {
	struct kmem_root_zone z;
	char more[8];
};
struct fake_heap {
	struct kmem_root_heap h;
	char more[8];
};

extern struct kmem_root fake_root __attribute__((visibility("hidden")));
extern uint64_t table[NCACHES];
extern struct fake_cache caches[NCACHES];
extern struct fake_thread threads[3];
extern struct fake_slot slots[2][NCACHES];
extern struct fake_shelf shelves[2][NCACHES]; /* the last is that of id 0 */
extern struct fake_zone zones[2];
extern struct fake_heap heaps[2];

uint64_t addr_of(const void *p);
void fake_make(void);

#endif
