/* SPDX-License-Identifier: MIT */
/* A flavour of liburcu's for a test: as it is, told to ThreadSanitizer, or broken. */
#ifndef RCU_TABLE_FLAVOR_H
#define RCU_TABLE_FLAVOR_H

#include "rcu_table_tsan.h"

#include <stdbool.h>
#include <urcu/flavor.h>

/* By the names of their libraries: each header has its own ideas of the common ones. */
extern const struct rcu_flavor_struct urcu_memb_flavor, urcu_mb_flavor, urcu_qsbr_flavor,
	urcu_bp_flavor;

static const struct rcu_flavor_struct *flavor_real;
static bool flavor_broken;
static char flavor_periods;

/* What readers did before they left is before what follows the period. */
static inline void flavor_unlock(void)
{
	tsan_release(&flavor_periods);
	flavor_real->read_unlock();
}

static inline void flavor_quiescent_state(void)
{
	tsan_release(&flavor_periods);
	flavor_real->read_quiescent_state();
}

static inline void flavor_synchronize(void)
{
	if (flavor_broken)
		return;
	flavor_real->update_synchronize_rcu();
	tsan_acquire(&flavor_periods);
}

/* Once in a program. If it is broken, grace periods are skipped. */
static inline const struct rcu_flavor_struct *flavor_of(const struct rcu_flavor_struct *real,
							bool broken)
{
	static struct rcu_flavor_struct changed;

	if (!UNDER_THREAD_SANITIZER && !broken)
		return real;
	flavor_real = real;
	flavor_broken = broken;
	changed = *real;
	changed.read_unlock = flavor_unlock;
	changed.read_quiescent_state = flavor_quiescent_state;
	changed.update_synchronize_rcu = flavor_synchronize;
	return &changed;
}

#endif
