// SPDX-License-Identifier: MIT
/* The lock's slow half: a short spin for a holder on another processor, then sleep. */
#include "buddy/lock.h"

#include "buddy/arch.h"

#define LOCK_SPINS 40 /* about the length of a critical section here */

#if KMEM_DEBUG
__thread unsigned lock_held __attribute__((tls_model("initial-exec")));
#endif

const void *_Atomic lock_forking;

void lock_wait(struct lock *lock)
{
	for (int i = 0; i < LOCK_SPINS; i++) {
		uint32_t free = 0;

		arch_relax();
		if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong_explicit(
			    &lock->word, &free, 1, memory_order_acquire, memory_order_relaxed))
			return;
	}
	/* acquire: pairs with the release in lock_word_release; 2 since others may wait too */
	while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
		sys_futex_wait((uint32_t *)&lock->word, 2);
}
