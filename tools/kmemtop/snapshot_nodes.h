/* SPDX-License-Identifier: MIT */
/* Which nodes the slabs of a snapshot's caches are of, when it has its zones and caches. */
#ifndef KMEMTOP_SNAPSHOT_NODES_H
#define KMEMTOP_SNAPSHOT_NODES_H

#include "reading.h"
#include "snapshot.h"

/* 0 or -errno. */
int snapshot_nodes(struct snapshot *s, const struct reading *r);

#endif
