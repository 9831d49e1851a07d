/* SPDX-License-Identifier: MIT */
/*
 * Across a fork: all locks are taken, so that the child finds every list whole. There the
 * workers are gone; what they had taken waits again, but for the one thing in hand.
 */
#ifndef LIB_RCU_FORK_H
#define LIB_RCU_FORK_H

struct domain;

void domains_survive_fork(void);

/* No domain is made meanwhile. */
void domains_lock(void);
void domains_unlock(void);

/* The conditions of a new domain, or of one in a child. */
void domain_set_conditions(struct domain *domain);

#endif
