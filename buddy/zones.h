/* SPDX-License-Identifier: MIT */
/*
 * The list of zones (buddy.h), as the page allocator makes it grow. The first zone has 32 MiB;
 * the last one doubles where it is, until it fills its GiB; one that cannot is followed by one
 * of twice its size. So it is in each place (place.h), by itself.
 *
 * No lock is held while the system is asked. A new zone is nobody's until it is published.
 */
#ifndef BUDDY_ZONES_H
#define BUDDY_ZONES_H

#include "buddy/zone.h"

/*
 * Reserve as much again as the place's last zone has right behind it, if its GiB has the
 * room: blocks may then span both, where two zones would each lose an end. false:
 * it cannot be.
 */
bool zones_widen(unsigned place);
/*
 * A zone of the place with room for npages, which nobody knows yet; a refusal halves it. NULL: no
 * room.
 */
struct zone *zones_create(unsigned place, size_t npages);
/* Append it to the list, which only grows; or, of no use after all, give it back. */
void zones_publish_locked(struct zone *zone);
void zones_discard(struct zone *zone);

#endif
