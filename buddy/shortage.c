// SPDX-License-Identifier: MIT
/* What a request without memory calls: see shortage.h. */
#include "buddy/shortage.h"

#include "buddy/report.h"

#include <errno.h>

bool (*shortage_hook)(struct shortage *shortage);

void shortage_no_wait(gfp_t flags, const char *doing)
{
	if (!(flags & __GFP_NOFAIL)) {
		errno = EAGAIN;
		return;
	}
	if (!(flags & __GFP_NOWARN))
		report("%s: __GFP_NOFAIL waits for memory, so it needs GFP_KERNEL", doing);
	errno = EINVAL;
}
