/* SPDX-License-Identifier: MIT */
/* How each cache's figures move from snapshot to snapshot. */
#ifndef KMEMTOP_HISTORY_H
#define KMEMTOP_HISTORY_H

#include "snapshot.h"

struct past;

/* All zero: nothing is known yet. */
struct history {
	struct past *past; /* by cache id */
	size_t n;
	int64_t last_ms;
};

/* Fills every cache's change from what came before, and remembers s. A cache that was
 * not there at the start has grown from 0. 0 or -ENOMEM. */
int history_apply(struct history *h, struct snapshot *s, int64_t now_ms);
/* Growth counts from s on. */
void history_restart(struct history *h, struct snapshot *s);
void history_free(struct history *h);

#endif
