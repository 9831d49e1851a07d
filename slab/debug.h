/* SPDX-License-Identifier: MIT */
/*
 * Debugged caches: what slab_debug is to the kernel. Each operation of such a cache takes the
 * slow path, as it is gated, and its objects are out or at home, never in sheaves.
 *
 *	| left red zone | object | right red zone | tracks | size asked | padding |
 *	                ^ what is handed out, and slab->base for the first
 *
 *	red zone	0xbb at home, 0xcc out; Z. What was not asked for of an object is 0xcc too
 *	object		0x6b …, the last byte 0xa5, at home and when handed out; P, unless the
 *			cache has a constructor or destructor, for which the state is kept, or
 *			is type-stable
 *	tracks		who allocated and who freed it; U
 *	size asked	of the caller, for caches of malloc; where there are red zones
 *	padding		0x5a; P
 *
 * If others look on, all of this is closed to them but what they are to use: annotate.h. Then
 * all caches are debugged, most by no letter, and have red zones, which Z alone fills.
 *
 * With P and a constructor a copy of the object as it was constructed lies before the padding:
 * who frees it otherwise left it dirty. Not in type-stable caches, whose readers may be at
 * work in it.
 *
 * What is damaged is reported and repaired. An object that was so at home is set aside: it is
 * not handed out again until the cache is destroyed, and counts as in use (marks.h).
 *
 * Reports take their time, and system calls, but no lock, and none is held for them: where one is,
 * they wait (damaged.h). A free with SLAB_NOWAIT may take a lock, and memory, for a stack that is
 * new.
 *
 * An overrun beyond the red zone reaches the tracks; a stack that is none is said to be lost.
 * Source: mm/slub.c of Linux, for values, layout and the order of a report.
 */
#ifndef SLAB_DEBUG_H
#define SLAB_DEBUG_H

#include "slab/cache.h"
#include "slab/track.h"

#define DEBUG_FLAGS                                                                                \
	(SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_TRACE)

#define RED_HOME    0xbbu
#define RED_OUT	    0xccu
#define POISON_FREE 0x6bu
#define POISON_END  0xa5u
#define POISON_PAD  0x5au

#define DEBUG_ANNOTATED 0x40000000u /* not in a cache's own flags: see annotate.h */

enum { TRACK_ALLOC, TRACK_FREE, TRACKS };

/* The layout for the cache's flags and object size: all of cache->debug, and the stride. */
void debug_layout(struct kmem_cache *cache);
/* A new slab's objects are at home. */
void debug_new_slab(struct slab *slab);
/* Run the constructor, and keep what the object is to be like whenever it is free. */
void debug_construct(const struct kmem_cache *cache, void *object);

/* An object taken from its slab is to go out; false: it is damaged, and stays aside. */
bool debug_alloc(struct kmem_cache *cache, void *object);
/* Its caller, who has it from now on, asked for so many bytes of it: malloc's classes only. */
void debug_asked(const struct kmem_cache *cache, void *object, size_t nbytes);
/* How many were asked for; 0: nothing, which is reported, as it is no object in use. */
size_t debug_usable(const struct kmem_cache *cache, const void *object);
/* An object of one of the cache's pages is to go home; false: it must not. */
bool debug_free(struct kmem_cache *cache, void *object);
/* It is nobody's and goes home as it is: the program did not get it, or a thread vanished with it.
 */
void debug_take_back(const struct kmem_cache *cache, void *object);
/* Who allocated and freed the object, if the cache keeps that. */
void debug_print_tracks(const struct kmem_cache *cache, const void *object);
/* Of a slab that nobody uses any more: was nothing written to an object after it was freed? */
bool debug_old_sound(const struct slab *slab);
/* What was, reported. */
void debug_old_slab(const struct slab *slab);

/* Every object of every slab; false: one was damaged, which is reported. Nobody uses the cache. */
bool debug_validate(struct kmem_cache *cache);

#endif
