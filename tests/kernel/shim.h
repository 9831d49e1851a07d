/* SPDX-License-Identifier: MIT */
/* What stands between the kernel's tests and libkmem: shim.c, deferred.c. */
#ifndef TESTS_KERNEL_SHIM_H
#define TESTS_KERNEL_SHIM_H

struct kmem_cache;

/* A call of the tests (ld --wrap), and the function behind it. */
#define wrapped(result, name, ...)                                                                 \
	result __wrap_##name(__VA_ARGS__);                                                         \
	result __real_##name(__VA_ARGS__)

/* Nodes that went through libkmem-rcu. */
extern unsigned long ndeferred;
/* What was freed without its callback is set up again. */
void shim_construct(struct kmem_cache *cache, void *object);
/* One object less is live. */
void shim_freed(struct kmem_cache *cache);

#endif
