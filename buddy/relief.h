/* SPDX-License-Identifier: MIT */
/*
 * Before the resident size reaches a new height, those above are asked for what
 * they can spare. Only a height they have not yet been asked at counts, so that
 * memory that comes and goes below it costs nothing.
 */
#ifndef BUDDY_RELIEF_H
#define BUDDY_RELIEF_H

#include <stddef.h>

/* Gives back what it can, no lock being held; how many pages must be touched to be worth it. */
extern size_t (*relief_hook)(void);

/* Pages in use have gone to the system where they are; as many as npages, or fewer again. */
void relief_absent(long npages);
/* So many of them are about to be touched again. */
void relief_touch(size_t npages);
/* Call the hook if it is due; no lock may be held. */
void relief_check(void);
/* The resident size has fallen, perhaps: heights count from there. */
void relief_settle(void);

#endif
