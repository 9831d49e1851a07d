/* SPDX-License-Identifier: MIT */
/* A cache's flags by name: see flags.h. */
#include "flags.h"

#include <kmem/cache.h>

#include <stdio.h>

#define FLAG(name)                                                                                 \
	{                                                                                          \
		SLAB_##name, #name                                                                 \
	}

static const struct {
	uint32_t flag;
	const char *name;
} names[] = {
	FLAG(HWCACHE_ALIGN), FLAG(PANIC),	FLAG(RECLAIM_ACCOUNT),
	FLAG(ACCOUNT),	     FLAG(NO_MERGE),	FLAG(NOLEAKTRACE),
	FLAG(NO_USER_FLAGS), FLAG(SKIP_KFENCE), FLAG(CONSISTENCY_CHECKS),
	FLAG(RED_ZONE),	     FLAG(POISON),	FLAG(STORE_USER),
	FLAG(TRACE),	     FLAG(FAILSLAB),	FLAG(TYPESAFE_BY_RCU),
	FLAG(NOWARN),	     FLAG(NOWAIT),
};

char *flags_text(char *text, size_t nbytes, uint32_t flags)
{
	size_t at = 0;

	snprintf(text, nbytes, "none");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags & names[i].flag) || at >= nbytes)
			continue;
		at += (size_t)snprintf(text + at, nbytes - at, "%s%s", at ? " " : "",
				       names[i].name);
		flags &= ~names[i].flag;
	}
	if (flags && at < nbytes)
		snprintf(text + at, nbytes - at, "%s0x%x", at ? " " : "", flags);
	return text;
}
