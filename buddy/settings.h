/* SPDX-License-Identifier: MIT */
/* The settings in force; lib/options.c sets them, each layer reads its own. */
#ifndef BUDDY_SETTINGS_H
#define BUDDY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thp_policy { THP_NEVER, THP_AUTO, THP_ALWAYS };

struct settings {
	uint32_t decay_ms;   /* age at which free memory goes back to the system */
	enum thp_policy thp; /* huge pages */
	size_t thread_cache; /* bytes all sheaves of one thread may hold */
	bool abort_on_error; /* else: report and go on */
};

extern struct settings settings;

#endif
