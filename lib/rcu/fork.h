/* SPDX-License-Identifier: MIT */
/*
 * Across a fork: all locks are taken, so that the child finds every list whole, and a pass
 * under way is waited for, a while: liburcu's own lock is held in a grace period, and a child
 * that found it so could never wait for another. There the workers are gone; what a pass
 * had taken that was not waited for waits again, but for the one thing in hand.
 */
#ifndef LIB_RCU_FORK_H
#define LIB_RCU_FORK_H

void domains_survive_fork(void);

/* No domain is made meanwhile. */
void domains_lock(void);
void domains_unlock(void);

#endif
