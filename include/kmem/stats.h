/* SPDX-License-Identifier: MIT */
/*
 * What the process has of memory through libkmem, at about one moment: totals, each cache, and
 * both printed, as kmemtop(1) shows them of another process. In a process that is quiet the
 * figures are exact, and mallinfo2, malloc_info and malloc_stats say the same; while others
 * allocate, each is right, but for a moment of its own. Sums are made when asked for: nobody pays
 * for them before. See kmem_stats(3).
 */
#ifndef KMEM_STATS_H
#define KMEM_STATS_H

#include <kmem/base.h>
#include <stdint.h>

KMEM_BEGIN_DECLS

struct kmem_cache;

/* Fields are only added, at the end. */
struct kmem_stats {
	size_t size;		  /* set it to sizeof(struct kmem_stats); how far it is filled in */
	uint64_t threads;	  /* that have used the library and run */
	uint64_t caches;	  /* malloc's classes in use included */
	uint64_t zones;		  /* ranges of addresses that pages come from */
	uint64_t heaps;		  /* of malloc, and the program's own */
	uint64_t reserved_bytes;  /* addresses of zones */
	uint64_t committed_bytes; /* those that may be memory: the sum of waiting slabs and … */
	uint64_t dirty_bytes;	  /* … free pages not yet given back to the system */
	uint64_t clean_bytes;	  /* … free pages that read as zeros */
	uint64_t slab_bytes;	  /* … slabs of caches */
	uint64_t span_bytes; /* … spans of heaps, but those on memory that was given to them */
	uint64_t run_bytes;  /* … runs of pages that the program has */
	uint64_t run_parked_bytes;   /* … runs that wait in sheaves */
	uint64_t slab_active_bytes;  /* of caches: objects that the program has, guarded ones too */
	uint64_t slab_parked_bytes;  /* of slabs: free objects that wait in sheaves */
	uint64_t span_active_bytes;  /* of spans: blocks that the program has, with their heads */
	uint64_t span_parked_bytes;  /* of spans: free blocks that wait in sheaves */
	uint64_t mapped_bytes;	     /* blocks with a mapping of their own */
	uint64_t used_bytes;	     /* what the program has: active, runs and mapped */
	uint64_t meta_bytes;	     /* committed for the library's records */
	uint64_t limit_bytes;	     /* kmem_limit_get() … */
	uint64_t limit_used_bytes;   /* … kmem_limit_usage() … */
	uint64_t limit_refusals;     /* … kmem_limit_refusals() */
	uint64_t waiting_objects;    /* freed by RCU, for grace periods; they count as used … */
	uint64_t waiting_bytes;	     /* … their bytes */
	uint64_t waiting_slabs;	     /* of type-stable caches, empty, for grace periods … */
	uint64_t waiting_slab_bytes; /* … committed, and in none of the other sums */
};

/*
 * 0, or -EINVAL for a size that no version of the struct has. What the library does not know
 * of a larger one is 0, and size says how much it knows.
 */
KMEM_API int kmem_stats_read(struct kmem_stats *stats);

/* Numbers of objects, unless said. */
struct kmem_cache_stats {
	size_t size; /* as above */
	uint32_t id; /* from 1 on; used again when the cache is destroyed */
	uint32_t flags;
	char name[64];
	uint32_t object_size; /* bytes asked for */
	uint32_t stride;      /* bytes from object to object */
	uint32_t align;	      /* bytes */
	uint32_t slab_objects;
	uint64_t slab_bytes;  /* of one */
	uint64_t slabs;	      /* how many */
	uint64_t slabs_empty; /* of them */
	uint64_t objects;     /* in all slabs */
	uint64_t active;      /* that the program has; on guarded pages too, which are no slabs */
	uint64_t parked;      /* free, in sheaves */
	uint64_t taken;	      /* by sheaves from slabs, since it was created … */
	uint64_t given;	      /* … and by sheaves to slabs */
	uint64_t counted;     /* 1: the next two are counted (the option stats), else 0 */
	uint64_t allocs;      /* by the program, since it was created */
	uint64_t frees;
	uint64_t limit; /* active at once; 0: none */
};

/* 0, or -EINVAL: the size, or the cache was destroyed. */
KMEM_API int kmem_cache_stats(const struct kmem_cache *cache, struct kmem_cache_stats *stats);
/*
 * The same of the first cache with an id above id, malloc's included; its id, or 0: there is
 * none, or the size is wrong. Caches may come and go meanwhile:
 *
 *	for (unsigned id = 0; (id = kmem_cache_stats_next(id, &stats));)
 */
KMEM_API unsigned int kmem_cache_stats_next(unsigned int id, struct kmem_cache_stats *stats);

/* What is of a node of memory (NUMA), where the process has zones by node: kmem_numa(7). */
struct kmem_node_stats {
	size_t size; /* as above */
	uint64_t node;
	uint64_t zones;
	uint64_t reserved_bytes; /* of them: addresses … */
	uint64_t committed_bytes;
	uint64_t dirty_bytes;
	uint64_t clean_bytes;
	uint64_t slabs; /* of all caches, in these zones */
	uint64_t slab_bytes;
};

/*
 * Those of the first node above node, from -1 on; its number, or -1: there is none, or the size
 * is wrong. Zones that are bound to several nodes are of none.
 */
KMEM_API int kmem_node_stats_next(int node, struct kmem_node_stats *stats);

enum kmem_stats_format {
	KMEM_STATS_TEXT, /* for people; its form may change */
	KMEM_STATS_JSON, /* one object on one line, as kmemtop --json */
};

/*
 * All of it to a file descriptor. Allocates nothing, and holds no lock while it writes. 0,
 * -EINVAL for another format, or what write(2) refused with.
 */
KMEM_API int kmem_stats_print(int fd, enum kmem_stats_format format);

KMEM_END_DECLS

#endif
