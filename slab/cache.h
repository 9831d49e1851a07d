/* SPDX-License-Identifier: MIT */
/*
 * The record of a cache: what is published, its barn, and its lists of slabs.
 *
 * Records are type-stable: a destroyed cache's record keeps its id and its
 * place in the table and waits for the next cache.
 *
 * Operations differ by what stands behind the sheaves: slabs for object caches,
 * the boundary-tag heap for the facade's larger sizes. Neither holds a lock when
 * it is called or runs a constructor.
 */
#ifndef SLAB_CACHE_H
#define SLAB_CACHE_H

#include "buddy/lock.h"
#include "buddy/pagemap.h"
#include "buddy/place.h"
#include "slab/sheaf.h"

#include <kmem/cache.h>
#include <kmem/inspect.h>
#include <stdbool.h>

/* What one full sheaf of more than one object may hold at first, and when it has grown. */
#define SHEAF_BYTES_FIRST (32u << 10)
#define SHEAF_BYTES	  (640u << 10)
#define SHEAF_OBJECT_MOST (128u << 10) /* objects larger than this have none */
#define ID_USER		  96u	       /* ids below are the facade's */

enum slab_bucket {		  /* by the share of free objects */
		   BUCKET_FULL,	  /* none */
		   BUCKET_EIGHTH, /* less than 1/8 */
		   BUCKET_FOURTH,
		   BUCKET_HALF,
		   BUCKET_MORE,
		   BUCKET_EMPTY, /* all are free */
		   BUCKETS
};

struct cache_place;
struct quarantine;
struct rcu_queue;
struct shelf;
struct slab;

struct cache_ops {
	/* Up to want objects into out, in the order to be handed out; 0: no memory. */
	unsigned (*refill)(struct kmem_cache *cache, struct shelf *shelf, void **out,
			   unsigned want);
	/* Take nobjects back. */
	void (*home)(struct kmem_cache *cache, void **objects, unsigned nobjects);
	/* Let go what the shelf holds besides sheaves. */
	void (*detach)(struct kmem_cache *cache, struct shelf *shelf);
};

struct barn;

/* How objects of a debugged cache are laid out: slab/debug.h. Distances in bytes. */
struct debug {
	slab_flags_t flags; /* SLAB_RED_ZONE and the like, or DEBUG_ANNOTATED; 0: not debugged */
	uint32_t left;	    /* before the object */
	uint32_t tracks;    /* these from the object's beginning */
	uint32_t asked;
	uint32_t image; /* of a constructed object; 0: none */
	uint32_t padding;
	uint32_t end;
	bool poisons;	/* objects that are at home */
	bool continues; /* after a report, unless on_error says otherwise */
};

struct kmem_cache {
	struct kmem_root_cache pub;
	const struct cache_ops *ops;
	void (*ctor)(void *object);
	void (*dtor)(void *object);
	uint32_t id;	     /* as in the table, also while pub.id is 0 */
	uint32_t slot;	     /* the distance in bytes of its slot from a thread's first */
	uint64_t inverse;    /* of the stride's odd factor, modulo 2^64 */
	uint8_t twos;	     /* the stride is odd << twos */
	uint16_t nwords;     /* of a slab's bitmap */
	uint32_t slab_bytes; /* a power of two */
	uint32_t usable;  /* the stride; 0: debugged or recorded, and realloc is to look closer */
	uint8_t capacity; /* that sheaves are to have from the start; 0: any */
	uint8_t level_first;	 /* sheaves' capacity at first … */
	uint8_t level_max;	 /* … and when they have grown */
	bool direct;		 /* objects are too large for sheaves, or those are muted */
	bool no_spare;		 /* so large that one sheaf must do */
	bool muted;		 /* each operation is counted: counted.h */
	bool gated;		 /* each operation takes the slow path: no sheaf is ever loaded */
	bool hardened;		 /* see hardened.h */
	bool nowait;		 /* SLAB_NOWAIT: its frees make no call and wait for nobody */
	bool noted;		 /* of malloc's: somebody wants to know what was asked for */
	_Atomic uint16_t policy; /* for new slabs (place_policy_load); set by libkmem-numa */
	int32_t limit_first;	 /* of a barn, sheaves … */
	int32_t limit_max;	 /* … and at most */
	_Atomic uint32_t trim_epoch;
	_Atomic uint32_t warned_ms;   /* when the limit was last reported; 0: never */
	struct kmem_cache *next_free; /* guarded by the caches lock */

	size_t limit;	     /* objects at once; 0: any number */
	size_t reserve;	     /* of them, for __GFP_HIGH */
	_Atomic size_t used; /* counted where there is a limit */
	void (*reclaim)(struct kmem_cache *cache, void *data);
	void (*limit_reached)(struct kmem_cache *cache, void *data);
	void *data;	       /* for both */
	struct rcu_queue *rcu; /* of the flavour its frees wait for; NULL: none was named */
	struct debug debug;
	struct quarantine *_Atomic quarantine; /* of a hardened cache; NULL: nothing was freed */
	_Atomic uint32_t nwaiting;	       /* slabs that wait for a grace period */
	_Atomic uint32_t ndamaged;	       /* slabs that wait for a report (damaged.h) */
	_Atomic uint32_t asked;		       /* by those who call reclaim (ask.h) */

	struct barn *_Atomic barns;	    /* BARNS of them; NULL: nobody gave yet (barn.h) */
	struct cache_place *_Atomic places; /* what it has of others than place 0 (cache_place.h) */

	_Alignas(64) struct lock lock;
	_Atomic bool unsettled;	     /* slabs may be on lists that no longer fit (slab.h) */
	_Atomic bool short_of_empty; /* of a nowait cache: a free found no empty sheaf */
	/* Of place 0's slabs, guarded by lock; each slab without owner is on one of its place's. */
	struct slab *lists[BUCKETS];
	_Atomic uint32_t nready; /* slabs made ahead, kept though empty until they age */
};

#pragma GCC visibility push(hidden)
extern struct kmem_cache *_Atomic cache_table[ID_LIMIT];
extern struct lock cache_lock; /* create, destroy, and walks over all caches */
#pragma GCC visibility pop

/* Do its slabs wait for a grace period, so that readers may look at objects freed meanwhile? */
static inline bool cache_typesafe(const struct kmem_cache *cache)
{
	return cache->pub.flags & SLAB_TYPESAFE_BY_RCU;
}

static inline struct kmem_cache *cache_of(unsigned id)
{
	/* acquire: the record, for who comes by the id alone; pairs with cache_publish */
	return atomic_load_explicit(&cache_table[id], memory_order_acquire);
}

/* n objects, or as many as there is memory for, out of as many slabs as it takes. */
static inline unsigned cache_refill(struct kmem_cache *cache, struct shelf *shelf, void **out,
				    unsigned n)
{
	unsigned got = 0, more = 1;

	for (; more > 0 && got < n; got += more)
		more = cache->ops->refill(cache, shelf, out + got, n - got);
	return got;
}

/* One more than the highest id ever used. */
unsigned cache_ids(void);

struct cache_shape {
	const char *name;
	unsigned size;
	slab_flags_t flags;
	struct kmem_cache_args args;
	struct rcu_queue *rcu;
};

/* The cache of a fixed id, below ID_USER, made if it is not there. NULL: no memory. */
struct kmem_cache *cache_create_fixed(unsigned id, const struct cache_shape *shape);
/* The same for what is no cache to be seen, only sheaves in front of ops. */
struct kmem_cache *cache_create_front(unsigned id, unsigned size, const struct cache_ops *ops);

/* Send home what the barn holds; retire empty slabs. Needs no lock held above LOCK_CACHES. */
void cache_drain(struct kmem_cache *cache);
/* Most sheaves of one of its barns, or of none, go home; the number of objects. */
size_t cache_drain_barn(struct kmem_cache *cache, struct barn *barn, size_t most);
/* Age barn and empty slabs by one decay period, where frees may wait. */
void cache_decay(struct kmem_cache *cache);
/* NULL, or the first broken invariant; exact only while nobody uses the cache. */
const char *cache_check(struct kmem_cache *cache);

/* The record, of which nothing is left, forgets the cache, and each thread its counts. */
void cache_forget_locked(struct kmem_cache *cache);

/* Around a change of more than one published word: takes the cache's lock, seq is odd. */
void cache_change_begin(struct kmem_cache *cache);
void cache_change_end(struct kmem_cache *cache);

/* Add to the counts of those who have no shelf. */
void cache_count(struct kmem_cache *cache, uint64_t taken, uint64_t given, uint64_t lent);

#endif
