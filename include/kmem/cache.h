/* SPDX-License-Identifier: MIT */
/*
 * Named object caches: the kernel's slab interface.
 *
 * A cache hands out objects of one size and keeps freed ones in their
 * constructed state for the next caller. Every function here may be called
 * from any thread; an object may be freed by another thread than the one that
 * allocated it. Source of the interface: include/linux/slab.h of Linux;
 * Bonwick, "The Slab Allocator", USENIX Summer 1994.
 */
#ifndef KMEM_CACHE_H
#define KMEM_CACHE_H

#include <kmem/base.h>
#include <kmem/gfp.h>
#include <stdbool.h>

KMEM_BEGIN_DECLS

struct kmem_cache;
struct rcu_flavor_struct;

typedef unsigned int slab_flags_t;

/* Flags of a cache. The values are libkmem's own. */
#define SLAB_HWCACHE_ALIGN	0x00001u /* align objects to cache lines (64 bytes) */
#define SLAB_PANIC		0x00002u /* abort if the cache cannot be created */
#define SLAB_RECLAIM_ACCOUNT	0x00004u /* accepted; no meaning in userspace */
#define SLAB_TEMPORARY		SLAB_RECLAIM_ACCOUNT
#define SLAB_ACCOUNT		0x00008u /* accepted; no meaning in userspace */
#define SLAB_NO_MERGE		0x00010u /* accepted; caches are never merged */
#define SLAB_NOLEAKTRACE	0x00020u /* accepted */
#define SLAB_NO_USER_FLAGS	0x00040u /* accepted */
#define SLAB_SKIP_KFENCE	0x00080u /* no objects on guarded pages (docs/options.md) */
#define SLAB_CONSISTENCY_CHECKS 0x00100u /* these five debug the cache: kmem/debug.h */
#define SLAB_RED_ZONE		0x00200u
#define SLAB_POISON		0x00400u
#define SLAB_STORE_USER		0x00800u
#define SLAB_TRACE		0x01000u
#define SLAB_FAILSLAB		0x02000u /* requests may be made to fail (kmem/fault.h) */
#define SLAB_TYPESAFE_BY_RCU	0x04000u /* pages outlive readers (kmem/rcu.h); EINVAL without it */
#define SLAB_NOWARN		0x10000u /* libkmem's: a refused create prints nothing */
#define SLAB_NOWAIT		0x20000u /* libkmem's: a free makes no system call, waits for no lock */

#define KMEM_CACHE_NAME_MAX 63u		       /* bytes in a cache's name */
#define KMEM_CACHE_SIZE_MAX (4u * 1024 * 1024) /* bytes in an object */
#define KMEM_CACHE_MAX	    65535u	       /* ids, some of them libkmem's own */

/*
 * What may be said of a new cache; zero means the default, or none.
 *
 * align            a power of two up to 4096; 0: 8
 * useroffset       with usersize the part of an object that may be copied to and from
 *                  user space: checked to lie inside it, without further meaning here
 * freeptr_offset   with use_freeptr_offset where the kernel may keep its free pointer:
 *                  checked to lie inside the object; libkmem keeps none in objects
 * ctor             runs once for each object, when it first leaves its slab; no lock is
 *                  held, it may call the allocator
 * sheaf_capacity   objects in a thread's sheaf of this cache from the start, up to 255
 *
 * libkmem's own:
 *
 * dtor             runs once for each object that was constructed (without ctor: that left
 *                  its slab, if only for a sheaf), before its slab's memory goes: in a call
 *                  that frees to the cache, shrinks or destroys it, so that kmem_trim leaves
 *                  the memory of such a cache where it is; no lock is held
 * reclaim          asked, as a shrinker is (kmem/shrinker.h), before an allocation of any
 *                  cache fails and before this one's limit is reported: frees objects of
 *                  the program's that it can do without. Gets data
 * limit_objects    objects that may be allocated at once
 * limit_bytes      the same as bytes of whole objects, padding included
 * limit_reached    is told, with data, of each request the limit refuses; no lock is held. Not
 *                  of those made from within it, or from within reclaim
 * reserve_objects  of the limit, kept for requests with __GFP_HIGH
 * data             for reclaim and limit_reached
 * flavor           liburcu's flavour that readers of the objects use; NULL: urcu-memb.
 *                  Needs libkmem-rcu, as SLAB_TYPESAFE_BY_RCU does (kmem/rcu.h)
 */
struct kmem_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	unsigned int freeptr_offset;
	bool use_freeptr_offset;
	void (*ctor)(void *object);
	unsigned int sheaf_capacity;
	void (*dtor)(void *object);
	void (*reclaim)(struct kmem_cache *cache, void *data);
	size_t limit_objects;
	size_t limit_bytes;
	void (*limit_reached)(struct kmem_cache *cache, void *data);
	size_t reserve_objects;
	void *data;
	const struct rcu_flavor_struct *flavor;
};

/*
 * Create a cache of objects of size bytes (1 to KMEM_CACHE_SIZE_MAX). The name and
 * args are copied; args NULL: all defaults. A name is 1 to 63 bytes without control characters.
 *
 * Returns NULL with errno EINVAL (an argument; one line on standard error names the
 * cache and the argument unless SLAB_NOWARN), ENOMEM, or ENOSPC (all ids in use);
 * with SLAB_PANIC it aborts instead.
 */
KMEM_API struct kmem_cache *kmem_cache_create_args(const char *name, unsigned int size,
						   const struct kmem_cache_args *args,
						   slab_flags_t flags);
/* The same in the kernel's older form. */
KMEM_API struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
					      unsigned int align, slab_flags_t flags,
					      void (*ctor)(void *object));
/* The kernel's form with a part for user space. */
KMEM_API struct kmem_cache *kmem_cache_create_usercopy(const char *name, unsigned int size,
						       unsigned int align, slab_flags_t flags,
						       unsigned int useroffset,
						       unsigned int usersize,
						       void (*ctor)(void *object));

/*
 * Destroy a cache that nobody uses any more. NULL is a no-op. With objects still
 * live each is reported on standard error, nothing is freed, the cache stays
 * usable, and the result is -EBUSY; else 0.
 */
KMEM_API int kmem_cache_destroy(struct kmem_cache *cache);

/*
 * One object, or NULL with errno ENOMEM (no memory, or a limit), or EAGAIN (GFP_NOWAIT: none
 * at hand).
 */
KMEM_API void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags) KMEM_MALLOC;
/* The same, zeroed. A cache with a constructor has state to keep: NULL with EINVAL. */
KMEM_API void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t flags) KMEM_MALLOC;
/*
 * The same from slabs of a node, NUMA_NO_NODE for any. Another node than the calling
 * thread's passes the sheaves by, which may wait. If there is none, or GFP_NOWAIT, those of the
 * nearest node will do that has one, but with __GFP_THISNODE it is ENOMEM, or EAGAIN. EINVAL: there
 * is no such node. A slab's pages are of its node if libkmem-numa is there, which binds them; else
 * each is of the node on which it was first touched, by a thread of that node as a rule
 * (kmem_numa(7)).
 */
KMEM_API void *kmem_cache_alloc_node(struct kmem_cache *cache, gfp_t flags, int node) KMEM_MALLOC;
/* The same as kmem_cache_alloc: there are no memory cgroups to account list_lru entries to. */
struct list_lru;
KMEM_API void *kmem_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru,
				    gfp_t flags) KMEM_MALLOC;

/*
 * Give an object back. NULL is a no-op. An address that is no object of this
 * cache is reported in one line and aborts; an address inside an object and a
 * second free are found when the object goes home to its slab.
 */
KMEM_API void kmem_cache_free(struct kmem_cache *cache, void *object);

/* nobjects objects into objects[]: nobjects, or 0 with errno (ENOMEM, EAGAIN with GFP_NOWAIT,
 * EINVAL for more than INT_MAX) and nothing allocated. */
KMEM_API int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t flags, size_t nobjects,
				   void **objects);
/*
 * Free nobjects of them, none of them NULL; what is wrong with one is found when it goes home.
 * cache NULL: each to the cache (or heap) it came from, NULL and all that free() knows.
 */
KMEM_API void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nobjects, void **objects);

/*
 * Send home what the barn and the calling thread hold and free the empty slabs;
 * other threads follow at their next slow pass. 0 if no slab is left, else 1.
 */
KMEM_API int kmem_cache_shrink(struct kmem_cache *cache);

/*
 * Let nobjects of them, rounded up to whole sheaves, be in sheaves now, constructed, pages
 * touched, and the calling thread be ready: GFP_NOWAIT then finds them. Each call brings as
 * many more. 0, -ENOMEM (nothing was done), or -EINVAL for more than the limit.
 *
 * With SLAB_NOWAIT they stay until kmem_cache_shrink, kmem_trim or kmem_cache_destroy; in
 * other caches what nobody needs goes back after a decay period. What a thread's own sheaves
 * hold (two, of at least sheaf_capacity objects) the others do not find, and what they hold
 * when it ends goes to the slabs, where GFP_NOWAIT does not look. A cache with a limit has
 * no sheaves: so many are in slabs then, and GFP_NOWAIT finds those of the thread's own slab.
 *
 * A real-time thread calls it itself, with 0 if others did: its first use of the library is
 * full of system calls. It brings empty sheaves too, for the frees of eight threads that did
 * not; a free that finds none puts the object straight into its slab. That pages stay in
 * memory (mlockall), and that the thread's stack and code are there, is the program's business.
 */
KMEM_API int kmem_cache_prealloc(struct kmem_cache *cache, size_t nobjects);

/* The object size asked for, in bytes; the name given. */
KMEM_API unsigned int kmem_cache_size(const struct kmem_cache *cache);
KMEM_API const char *kmem_cache_name(const struct kmem_cache *cache);

/*
 * Print where an address comes from: cache, object, offset; heap block; run of pages;
 * or that it is none of these. One line on standard error. false: not libkmem's.
 */
KMEM_API bool kmem_dump_obj(const void *address);

KMEM_END_DECLS

#define NUMA_NO_NODE (-1)

/*
 * Both of the kernel's forms: (name, size, args, flags) and (name, size, align, flags, ctor),
 * told apart by the third argument. NULL there is args.
 */
#ifndef __cplusplus
#define KMEM_CACHE_FORM(third)                                                                     \
	_Generic((third),                                                                          \
		struct kmem_cache_args *: kmem_cache_create_args,                                  \
		const struct kmem_cache_args *: kmem_cache_create_args,                            \
		void *: kmem_cache_create_args,                                                    \
		default: kmem_cache_create)
#define kmem_cache_create(name, size, third, ...)                                                  \
	KMEM_CACHE_FORM(third)(name, size, third, __VA_ARGS__)
#else
extern "C++" {
static inline struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
						   const struct kmem_cache_args *args,
						   slab_flags_t flags)
{
	return kmem_cache_create_args(name, size, args, flags);
}
}
#endif

/* A cache named after a struct, of its size and alignment. */
#ifndef __cplusplus
#define KMEM_CACHE(type, flags)                                                                    \
	kmem_cache_create_args(#type, sizeof(struct type),                                         \
			       &(struct kmem_cache_args){.align = _Alignof(struct type)}, flags)
#else
#define KMEM_CACHE(type, flags)                                                                    \
	kmem_cache_create(#type, sizeof(struct type), (unsigned int)alignof(struct type), flags,   \
			  nullptr)
#endif

#endif
