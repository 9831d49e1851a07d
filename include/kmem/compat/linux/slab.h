/* SPDX-License-Identifier: MIT */
/*
 * The kernel's <linux/slab.h> for sources written against it, compiled with the folder
 * kmem/compat among the include paths. Caches are <kmem/cache.h> and sheaves
 * <kmem/sheaf.h>, which have the kernel's names; what is here are the kernel's names for
 * <kmem/kmalloc.h>. docs/kernel-api.md says what differs.
 */
#ifndef KMEM_COMPAT_LINUX_SLAB_H
#define KMEM_COMPAT_LINUX_SLAB_H

#include <kmem/cache.h>
#include <kmem/kmalloc.h>
#include <kmem/malloc.h>
#include <kmem/rcu.h>
#include <kmem/sheaf.h>
#include <linux/gfp.h>

#define KMEM_CACHE_USERCOPY(type, flags, field)                                                    \
	kmem_cache_create_usercopy(#type, sizeof(struct type), _Alignof(struct type), flags,       \
				   (unsigned int)__builtin_offsetof(struct type, field),           \
				   (unsigned int)sizeof(((struct type *)0)->field), NULL)

/* Flags of caches without a meaning here, beside those of <kmem/cache.h>. */
#define SLAB_CACHE_DMA	   0u
#define SLAB_CACHE_DMA32   0u
#define SLAB_MEM_SPREAD	   0u
#define SLAB_DEBUG_OBJECTS 0u

#define ZERO_SIZE_PTR		KMEM_ZERO_SIZE
#define ZERO_OR_NULL_PTR(block) ((unsigned long)(block) <= (unsigned long)ZERO_SIZE_PTR)
#define ARCH_KMALLOC_MINALIGN	KMEM_KMALLOC_ALIGN
#define ARCH_SLAB_MINALIGN	8u
#define KMALLOC_MIN_SIZE	16
#define KMALLOC_MAX_CACHE_SIZE	32768ul	    /* more comes from the heap, or is pages */
#define KMALLOC_MAX_SIZE	(1ul << 22) /* the kernel's; nothing refuses more */
#define KMEM_COMPAT_ALLOC(...)	static inline KMEM_MALLOC KMEM_SIZE(__VA_ARGS__)
#define KMEM_COMPAT_REALLOC(...)                                                                   \
	static inline __attribute__((warn_unused_result)) KMEM_SIZE(__VA_ARGS__)

static inline bool slab_is_available(void)
{
	return true;
}

KMEM_COMPAT_ALLOC(1) void *kmalloc(size_t nbytes, gfp_t flags)
{
	return kmem_kmalloc(nbytes, flags);
}

KMEM_COMPAT_ALLOC(1) void *kzalloc(size_t nbytes, gfp_t flags)
{
	return kmem_kmalloc(nbytes, flags | __GFP_ZERO);
}

/* count * nbytes, or more than there can be. */
static inline size_t kmem_compat_product(size_t count, size_t nbytes)
{
	size_t total;

	return __builtin_mul_overflow(count, nbytes, &total) ? (size_t)-1 : total;
}

KMEM_COMPAT_ALLOC(1, 2) void *kmalloc_array(size_t count, size_t nbytes, gfp_t flags)
{
	return kmem_kmalloc(kmem_compat_product(count, nbytes), flags);
}

KMEM_COMPAT_ALLOC(1, 2) void *kcalloc(size_t count, size_t nbytes, gfp_t flags)
{
	return kmalloc_array(count, nbytes, flags | __GFP_ZERO);
}

KMEM_COMPAT_REALLOC(2) void *krealloc(const void *block, size_t nbytes, gfp_t flags)
{
	return kmem_krealloc(block, nbytes, flags);
}

KMEM_COMPAT_REALLOC(2, 3)
void *krealloc_array(void *block, size_t count, size_t nbytes, gfp_t flags)
{
	return kmem_krealloc(block, kmem_compat_product(count, nbytes), flags);
}

static inline void kfree(const void *block)
{
	kmem_kfree(block);
}

static inline void kfree_sensitive(const void *block)
{
	kmem_kfree_sensitive(block);
}

static inline void kfree_bulk(size_t nblocks, void **blocks)
{
	kmem_cache_free_bulk(NULL, nblocks, blocks);
}

static inline size_t ksize(const void *block)
{
	return kmem_ksize(block);
}

static inline size_t kmalloc_size_roundup(size_t nbytes)
{
	return nbytes ? kmem_good_size(nbytes) : 0;
}

KMEM_COMPAT_ALLOC(1) void *kmalloc_node(size_t nbytes, gfp_t flags, int node)
{
	return kmem_kmalloc_node(nbytes, flags, node);
}

KMEM_COMPAT_ALLOC(1) void *kzalloc_node(size_t nbytes, gfp_t flags, int node)
{
	return kmalloc_node(nbytes, flags | __GFP_ZERO, node);
}

KMEM_COMPAT_ALLOC(1, 2)
void *kmalloc_array_node(size_t count, size_t nbytes, gfp_t flags, int node)
{
	return kmem_kmalloc_node(kmem_compat_product(count, nbytes), flags, node);
}

KMEM_COMPAT_ALLOC(1, 2) void *kcalloc_node(size_t count, size_t nbytes, gfp_t flags, int node)
{
	return kmalloc_array_node(count, nbytes, flags | __GFP_ZERO, node);
}

/* Who allocated is not kept apart from the caller. */
#define kmalloc_track_caller	  kmalloc
#define kmalloc_node_track_caller kmalloc_node

KMEM_COMPAT_ALLOC(1) void *kvmalloc(size_t nbytes, gfp_t flags)
{
	return kmem_kvmalloc(nbytes, flags);
}

KMEM_COMPAT_ALLOC(1) void *kvzalloc(size_t nbytes, gfp_t flags)
{
	return kmem_kvmalloc(nbytes, flags | __GFP_ZERO);
}

KMEM_COMPAT_ALLOC(1) void *kvmalloc_node(size_t nbytes, gfp_t flags, int node)
{
	return kmem_kmalloc_node(nbytes, flags, node);
}

KMEM_COMPAT_ALLOC(1) void *kvzalloc_node(size_t nbytes, gfp_t flags, int node)
{
	return kvmalloc_node(nbytes, flags | __GFP_ZERO, node);
}

KMEM_COMPAT_ALLOC(1, 2) void *kvmalloc_array(size_t count, size_t nbytes, gfp_t flags)
{
	return kmem_kvmalloc(kmem_compat_product(count, nbytes), flags);
}

KMEM_COMPAT_ALLOC(1, 2) void *kvcalloc(size_t count, size_t nbytes, gfp_t flags)
{
	return kvmalloc_array(count, nbytes, flags | __GFP_ZERO);
}

KMEM_COMPAT_REALLOC(2) void *kvrealloc(const void *block, size_t nbytes, gfp_t flags)
{
	return kmem_krealloc(block, nbytes, flags);
}

static inline void kvfree(const void *block)
{
	kmem_kfree(block);
}

static inline void kvfree_sensitive(const void *block, size_t nbytes)
{
	(void)nbytes;
	kmem_kfree_sensitive(block);
}

/*
 * Frees after a grace period, by libkmem-rcu. The field is the source's struct rcu_head, liburcu's
 * or any other with room for two pointers.
 */
#define kfree_rcu(block, field)                                                                    \
	do {                                                                                       \
		__typeof__(block) kmem_compat_block = (block);                                     \
                                                                                                   \
		_Static_assert(sizeof(kmem_compat_block->field) >= sizeof(struct kmem_rcu_room),   \
			       "an rcu_head has room for two pointers");                           \
		if (kmem_compat_block)                                                             \
			kmem_kfree_rcu((void *)kmem_compat_block,                                  \
				       (struct kmem_rcu_room *)&kmem_compat_block->field);         \
	} while (0)
#define kvfree_rcu		    kfree_rcu
#define kfree_rcu_mightsleep(block) kmem_kfree_rcu_mightsleep((void *)(block))
#define kvfree_rcu_mightsleep	    kfree_rcu_mightsleep
#define kvfree_rcu_barrier()	    ((void)kmem_rcu_barrier())

/* Copies, the kernel's <linux/string.h>. */
KMEM_COMPAT_ALLOC(2) void *kmemdup(const void *from, size_t nbytes, gfp_t flags)
{
	void *copy = kmem_kmalloc(nbytes, flags);

	if (!ZERO_OR_NULL_PTR(copy))
		__builtin_memcpy(copy, from, nbytes);
	return copy;
}

/* nbytes of from and a terminator. */
static inline KMEM_MALLOC char *kmemdup_nul(const char *from, size_t nbytes, gfp_t flags)
{
	char *copy;

	if (!from)
		return NULL;
	copy = kmem_kmalloc(nbytes + 1, flags);
	if (copy) {
		__builtin_memcpy(copy, from, nbytes);
		copy[nbytes] = '\0';
	}
	return copy;
}

static inline KMEM_MALLOC char *kstrdup(const char *from, gfp_t flags)
{
	return from ? kmemdup_nul(from, __builtin_strlen(from), flags) : NULL;
}

static inline KMEM_MALLOC char *kstrndup(const char *from, size_t most, gfp_t flags)
{
	const char *end = from ? (const char *)__builtin_memchr(from, '\0', most) : NULL;

	return kmemdup_nul(from, end ? (size_t)(end - from) : most, flags);
}

#endif
