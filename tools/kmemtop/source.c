/* SPDX-License-Identifier: MIT */
/* What the user wants to look into: see source.h. */
#include "source.h"

int source_is_none(const struct source *source)
{
	return !source->pid && !source->core;
}

int source_open(const struct source *source, struct target *t)
{
	return source->core ? target_open_core(t, source->core, source->exe)
			    : target_open(t, source->pid);
}
