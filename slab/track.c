// SPDX-License-Identifier: MIT
/* See track.h. */
#include "slab/track.h"

#include "buddy/report.h"
#include "buddy/stacks.h"
#include "buddy/symbol.h"
#include "buddy/sys.h"
#include "slab/thread.h"

static struct stack_memo *memo_of(struct thread *thread)
{
	if (!thread)
		return NULL;
	if (!thread->stacks)
		thread->stacks = stack_memo_new();
	return thread->stacks;
}

void track_set(struct track *track)
{
	struct thread *thread = thread_known();

	track->stack = stack_here(memo_of(thread));
	track->tid = thread ? thread->pub.tid : sys_tid();
	track->when_ms = sys_now_ms();
	track->cpu = sys_cpu();
}

void track_print(const char *doing, const struct track *track, uint32_t now_ms)
{
	const uintptr_t *frames = NULL;
	unsigned n;

	if (!track->tid)
		return;
	n = stack_frames(track->stack, &frames);
	if (track->stack && n == 0) {
		report_text("%s: what was noted of it was overwritten", doing);
		return;
	}
	report_text("%s age=%u ms cpu=%u pid=%u", doing, now_ms - track->when_ms, track->cpu,
		    track->tid);
	symbols_print(frames, n);
}

void tracks_print(const struct track tracks[2])
{
	uint32_t now_ms = sys_now_ms();

	track_print("Allocated", &tracks[0], now_ms);
	track_print("Freed", &tracks[1], now_ms);
}
