// SPDX-License-Identifier: MIT
/* See shade.h. */
#include "slab/shade.h"

const struct shade_hooks *shade_hooks;
__thread bool shade_is_lifted __attribute__((tls_model("initial-exec")));

/* thread_slots, while that is in the shade. */
static __thread struct slot *hidden __attribute__((tls_model("initial-exec")));

void shade_lift(void)
{
	if (thread_slots == SLOTS_SHADED)
		thread_slots = hidden;
	shade_is_lifted = true;
}

void shade_drop(void)
{
	if (thread_known()) {
		hidden = thread_slots;
		thread_slots = SLOTS_SHADED;
	}
	shade_is_lifted = false;
}

struct thread *thread_mine(void)
{
	return thread_slots == SLOTS_SHADED ? (struct thread *)hidden - 1 : thread_known();
}
