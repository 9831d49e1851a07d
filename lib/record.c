// SPDX-License-Identifier: MIT
/* See record.h. */
#include "lib/record.h"

#include "lib/core.h"
#include "lib/front.h"
#include "lib/malloc.h"
#include "lib/record_stream.h"
#include "lib/start.h"
#include "slab/shade.h"

#include <errno.h>
#include <kmem/malloc.h>

/* The stream for an event on the block's page; large ones are ordered exactly. */
static struct stream *stream_for(size_t nbytes)
{
	struct stream *stream = stream_mine();

	if (stream && nbytes > SMALL_MAX)
		stream_order(stream);
	return stream;
}

static void after_event(void)
{
	if (__builtin_expect(!thread_mine(), 0))
		stream_leave();
}

/* What it is of may have been freed in a callback, unseen. */
static void forget(struct stream *stream, const void *block)
{
	record_id old = record_ids_take(block);

	if (old)
		stream_free(stream, old);
}

static void note_alloc(void *block, enum kmem_record_event event, const uint64_t *numbers,
		       unsigned count)
{
	struct stream *stream = block ? stream_for(numbers[count - 1]) : NULL;

	if (!stream)
		return;
	forget(stream, block);
	if (record_ids_set(block, stream_next_id(stream)))
		stream_alloc(stream, event, numbers, count);
	after_event();
}

static void note_free(const void *block)
{
	record_id id = record_ids_take(block);
	struct stream *stream;
	unsigned page;

	if (!id)
		return;
	page = pagemap_id(block);
	stream = stream_for(page == ID_PAGES || id_is_front(page) ? FRONT_MAX : 0);
	if (stream)
		stream_free(stream, id);
	after_event();
}

void *record_malloc(size_t nbytes)
{
	void *block;

	shade_lift();
	block = facade_malloc(nbytes);
	shade_drop();
	note_alloc(block, KMEM_RECORD_MALLOC, (uint64_t[]){nbytes}, 1);
	return block;
}

void *record_calloc(size_t nbytes)
{
	void *block;

	shade_lift();
	block = kmem_core_calloc(1, nbytes);
	shade_drop();
	note_alloc(block, KMEM_RECORD_MORE, (uint64_t[]){KMEM_RECORD_CALLOC, nbytes}, 2);
	return block;
}

/* Of a cache whose objects have an id each. */
static bool is_noted(const struct kmem_cache *cache)
{
	return cache->pub.stride % BLOCK_ALIGN == 0;
}

static void *lifted_alloc(struct kmem_cache *cache, gfp_t flags, size_t nbytes)
{
	void *object;

	shade_lift();
	if (!slot_pop(slot_of(cache), &object))
		object = cache->id < ID_USER ? class_alloc_slow(cache, flags, nbytes)
					     : slot_alloc_slow(cache, flags);
	shade_drop();
	if (is_noted(cache))
		note_alloc(object, KMEM_RECORD_MALLOC, (uint64_t[]){nbytes}, 1);
	return object;
}

void *record_class_alloc(struct kmem_cache *cache, gfp_t flags, size_t nbytes)
{
	return lifted_alloc(cache, flags, nbytes);
}

static void *record_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	return lifted_alloc(cache, flags, cache->pub.object_size);
}

static void record_cache_free(struct kmem_cache *cache, void *object)
{
	note_free(object);
	shade_lift();
	if (!slot_push(slot_of(cache), object))
		slot_free_slow(cache, object);
	shade_drop();
}

void *record_aligned(size_t align, size_t nbytes)
{
	void *block;

	shade_lift();
	block = aligned_alloc_any(align, nbytes);
	shade_drop();
	note_alloc(block, KMEM_RECORD_ALIGNED,
		   (uint64_t[]){(uint64_t)__builtin_ctzl(align), nbytes}, 2);
	return block;
}

void *record_realloc(void *block, size_t nbytes)
{
	record_id id = record_ids_take(block);
	struct stream *stream;
	void *other;

	shade_lift();
	other = kmem_core_realloc(block, nbytes);
	shade_drop();
	if (!other) {
		if (id)
			record_ids_set(block, id);
		return NULL;
	}
	stream = id ? stream_for(nbytes) : NULL;
	if (!stream)
		return other;
	forget(stream, other);
	record_ids_set(other, stream_next_id(stream));
	stream_realloc(stream, id, nbytes);
	after_event();
	return other;
}

void record_free(void *block)
{
	note_free(block);
	shade_lift();
	facade_free(block);
	shade_drop();
}

void record_after_fork(void)
{
	if (shade_hooks)
		streams_after_fork();
}

static const struct shade_hooks hooks = {
	.alloc = record_cache_alloc,
	.free = record_cache_free,
	.end = stream_leave,
};

int record_option(const char *value)
{
	/* Blocks that are there already would be missing. */
	if (!*value || shade_hooks || atomic_load_explicit(&started, memory_order_relaxed))
		return -EINVAL;
	if (!record_ids_start() || streams_start(value) < 0)
		return -ENOMEM;
	shade_hooks = &hooks;
	return 0;
}
