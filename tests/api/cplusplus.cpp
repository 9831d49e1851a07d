// SPDX-License-Identifier: MIT
/* Caches from C++: one function for each thing, called by main. */
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <kmem.h>
#include <new>

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition);               \
			std::exit(1);                                                              \
		}                                                                                  \
	} while (0)

namespace
{

struct alignas(32) point {
	double x, y;
	point *next;
};

unsigned nbuilt, nended;

void build(void *object)
{
	nbuilt++;
	new (object) point{1, 2, nullptr};
}

void end(void *object)
{
	nended++;
	static_cast<point *>(object)->~point();
}

/* It hands out objects, aligned so, and goes. */
void use(kmem_cache *cache, std::size_t align)
{
	void *objects[100];

	require(cache);
	for (void *&object : objects) {
		object = kmem_cache_alloc(cache, GFP_KERNEL);
		require(object && reinterpret_cast<std::uintptr_t>(object) % align == 0);
	}
	kmem_cache_free_bulk(cache, 50, objects);
	for (int i = 50; i < 100; i++)
		kmem_cache_free(cache, objects[i]);
	require(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, objects) == 100);
	kmem_cache_free_bulk(cache, 100, objects);
	require(kmem_cache_destroy(cache) == 0);
}

void both_forms()
{
	kmem_cache_args args{};

	args.align = 128;
	args.ctor = build;
	args.dtor = end;
	use(kmem_cache_create("args", sizeof(point), &args, 0), 128);
	require(nbuilt > 0 && nbuilt == nended);
	use(kmem_cache_create("null", sizeof(point), nullptr, SLAB_HWCACHE_ALIGN), 32);
	use(kmem_cache_create("old", sizeof(point), 64, 0, nullptr), 64);
	use(kmem_cache_create("old", sizeof(point), 0, 0, build), 8);
	use(kmem_cache_create_args("args", sizeof(point), &args, SLAB_PANIC), 128);
	use(kmem_cache_create_usercopy("copy", sizeof(point), 16, 0, 8, 8, nullptr), 16);
}

void named_after_a_struct()
{
	kmem_cache *cache = KMEM_CACHE(point, 0);

	require(cache && kmem_cache_size(cache) == sizeof(point));
	require(kmem_cache_name(cache)[0] == 'p');
	use(cache, alignof(point));
}

void a_heap_of_its_own()
{
	kmem_heap_options options{};
	std::size_t nseen = 0;

	options.fit = KMEM_HEAP_BEST_FIT;
	options.checked = true;
	kmem_heap *heap = kmem_heap_create("c++", &options);
	point *one =
		new (kmem_heap_aligned(heap, alignof(point), sizeof(point))) point{1, 2, nullptr};

	require(one && kmem_heap_usable_size(heap, one) == sizeof(point));
	require(kmem_heap_walk(
			heap,
			[](const kmem_heap_block *block, void *n) {
				*static_cast<std::size_t *>(n) += block->live;
				return 0;
			},
			&nseen) == 0);
	require(nseen == 1 && !kmem_heap_validate(heap));
	kmem_heap_free(heap, one);
	kmem_heap_destroy(heap);
}

void limited()
{
	kmem_cache_args args{};
	unsigned ntold = 0;

	args.limit_objects = 2;
	args.data = &ntold;
	args.limit_reached = [](kmem_cache *, void *data) { ++*static_cast<unsigned *>(data); };
	kmem_cache *cache = kmem_cache_create("limited", sizeof(point), &args, 0);
	void *one = kmem_cache_zalloc(cache, GFP_KERNEL),
	     *two = kmem_cache_alloc(cache, GFP_KERNEL);

	require(one && two && static_cast<point *>(one)->next == nullptr);
	errno = 0;
	require(!kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN) && errno == ENOMEM);
	require(ntold == 1);
	kmem_cache_free(cache, one);
	kmem_cache_free(cache, two);
	require(kmem_cache_destroy(cache) == 0);
}

void from_a_pool()
{
	kmem_cache *cache = kmem_cache_create("pooled", sizeof(point), nullptr, 0);
	kmem_mempool *pool = kmem_mempool_create_slab(2, cache);

	require(pool && kmem_mempool_min(pool) == 2 && kmem_mempool_reserve(pool) == 2);
	auto *one = static_cast<point *>(kmem_mempool_alloc(pool, GFP_KERNEL));
	void *two = kmem_mempool_alloc_preallocated(pool),
	     *three = kmem_mempool_alloc_preallocated(pool);

	require(one && two && three && !kmem_mempool_alloc_preallocated(pool));
	one->x = 1;
	kmem_mempool_free(one, pool);
	kmem_mempool_free(two, pool);
	kmem_mempool_free(three, pool);
	kmem_mempool_destroy(pool);
	require(kmem_cache_destroy(cache) == 0);
}

void from_a_sheaf()
{
	kmem_cache *cache = kmem_cache_create("sheaf", sizeof(point), nullptr, 0);
	slab_sheaf *sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 3);
	void *objects[3];

	require(sheaf && kmem_cache_sheaf_size(sheaf) >= 3);
	for (void *&object : objects)
		require((object = kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf)) !=
			nullptr);
	require(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 5) == 0);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(cache, 3, objects);
	require(kmem_cache_destroy(cache) == 0);
}

void refused()
{
	errno = 0;
	require(!kmem_cache_create("", 8, nullptr, SLAB_NOWARN) && errno == EINVAL);
}

void statistics()
{
	struct kmem_cache_stats one {
	};
	struct kmem_stats all {
	};
	unsigned n = 0;

	one.size = sizeof(one);
	all.size = sizeof(all);
	require(kmem_stats_read(&all) == 0);
	for (unsigned id = 0; (id = kmem_cache_stats_next(id, &one)) != 0; n++)
		require(one.active <= one.objects);
	require(n == all.caches);
}

} // namespace

int main()
{
	both_forms();
	named_after_a_struct();
	a_heap_of_its_own();
	limited();
	from_a_pool();
	from_a_sheaf();
	refused();
	statistics();
}
