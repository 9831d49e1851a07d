/* SPDX-License-Identifier: MIT */
/* What a kind of target does for target.c, which has charged the budget. */
#ifndef KMEMTOP_TARGET_KIND_H
#define KMEMTOP_TARGET_KIND_H

#include "target.h"

struct target_kind {
	int (*read_parts)(struct target *t, struct target_part *parts, size_t nparts);
	int (*mappings)(struct target *t,
			int (*each)(void *context, const struct target_mapping *mapping),
			void *context);
	const char *(*missing)(struct target *t, uint64_t addr);
};

extern const struct target_kind target_process, target_core;

#endif
