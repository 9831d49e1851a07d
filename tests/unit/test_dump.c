// SPDX-License-Identifier: MIT
/* kmem_dump_obj: what it says of each kind of memory, and that no address is too strange for it. */
#include "unit.h"

#include "buddy/buddy.h"
#include "slab/slab.h"

#include <fcntl.h>
#include <kmem.h>
#include <pthread.h>

static struct kmem_cache *cache;
static const void *address;
static bool answer;

static void dump(void)
{
	_exit(kmem_dump_obj(address) != answer);
}

/* It says this of the address, in one line. */
static void __attribute__((format(printf, 3, 4)))
expect(const void *addr, bool ours, const char *format, ...)
{
	struct last_words words;
	char line[600];
	va_list args;
	int n = snprintf(line, sizeof(line), "libkmem: kmem_dump_obj: 0x%lx ", (unsigned long)addr);

	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	snprintf(line + n, sizeof(line) - (size_t)n, "\n");
	address = addr;
	answer = ours;
	words = unit_child(dump);
	ck_assert_str_eq(words.text, line);
	ck_assert_int_eq(words.status, 0);
}

#define OBJECT "is %d bytes into object %p of cache 'dump' (size 3000): slab %p, %s"
#define USED   "not at home: in use, or in a sheaf"

START_TEST(an_object_and_whether_it_is_home)
{
	char *one, *base;

	cache = kmem_cache_create("dump", 3000, 0, 0, NULL);
	one = kmem_cache_alloc(cache, GFP_KERNEL);
	require(kmem_cache_alloc(cache, GFP_KERNEL)); /* keeps the slab */
	base = (char *)slab_of(one)->base;
	expect(one, true, OBJECT, 0, (void *)one, (void *)base, USED);
	expect(one + 2999, true, OBJECT, 2999, (void *)one, (void *)base, USED);
	expect(base + 3000 * (size_t)(cache->pub.slab_objects - 1) + 7, true, OBJECT, 7,
	       (void *)(base + 3000 * (size_t)(cache->pub.slab_objects - 1)), (void *)base,
	       cache->pub.slab_objects > 16 ? "at home" : USED);
	expect(base + 3000 * (size_t)cache->pub.slab_objects, true,
	       "is behind the last object of a slab of cache 'dump': slab %p", (void *)base);
	kmem_cache_free(cache, one);
	expect(one + 1, true, OBJECT, 1, (void *)one, (void *)base, USED);
	kmem_cache_shrink(cache);
	expect(one + 1, true, OBJECT, 1, (void *)one, (void *)base, "at home");
}
END_TEST

START_TEST(a_class_of_malloc)
{
	char *one = kmem_malloc(100);

	expect(one + 5, true,
	       "is 5 bytes into object %p of cache 'malloc-112' (size 112): slab %p, " USED,
	       (void *)one, (void *)slab_of(one)->base);
}
END_TEST

#define BLOCK "is %d bytes into the block of %zu at %p of heap 'malloc-heap-%d', %s"

static int heap_of_block(const void *one)
{
	struct last_words words;

	address = one;
	answer = true;
	words = unit_child(dump);
	ck_assert_ptr_nonnull(strstr(words.text, "malloc-heap-"));
	return atoi(strstr(words.text, "malloc-heap-") + strlen("malloc-heap-"));
}

START_TEST(a_block_of_the_heap)
{
	char *one = kmem_malloc(40000), *next = kmem_malloc(40000);
	size_t usable = kmem_usable_size(one);
	int heap = heap_of_block(one);

	if (next < one) {
		char *swap = one;

		one = next;
		next = swap;
	}
	expect(one, true, BLOCK, 0, usable, (void *)one, heap, "in use, or in a sheaf");
	expect(one + 30000, true, BLOCK, 30000, usable, (void *)one, heap, "in use, or in a sheaf");
	expect(one - 1, true, "is in the header of the block at %p of heap 'malloc-heap-%d'",
	       (void *)one, heap);
	kmem_free(one);
	expect(one + 9, true, BLOCK, 9, usable, (void *)one, heap, "in use, or in a sheaf");
	kmem_trim();
	expect(one + 9, true, BLOCK, 9, usable, (void *)one, heap, "free");
	memset(one + usable, 0x11, 8);
	expect(next, true, "is in heap 'malloc-heap-%d', in no block, or behind a damaged header",
	       heap);
}
END_TEST

#define PAGES "is %zu bytes into the %s of %zu pages at %p from %s, %s"

START_TEST(a_run_of_pages)
{
	char *pages = kmem_pages_alloc_exact(9 * KMEM_PAGE_SIZE, GFP_KERNEL);
	char *block = kmem_malloc(300000);
	size_t npages = kmem_usable_size(block) / KMEM_PAGE_SIZE;

	expect(pages, true, PAGES, (size_t)0, "run", (size_t)9, (void *)pages, "kmem_pages_alloc",
	       "in use");
	expect(pages + 9 * KMEM_PAGE_SIZE - 1, true, PAGES, (size_t)36863, "run", (size_t)9,
	       (void *)pages, "kmem_pages_alloc", "in use");
	expect(block + 299999, true, PAGES, (size_t)299999, "run", npages, (void *)block, "malloc",
	       "in use, or in a sheaf");
	kmem_pages_free(pages);
	expect(pages, true, "is in a free page of libkmem's");
	expect(pages + 20000, true, "is in a free page of libkmem's");
	kmem_free(block);
	kmem_trim();
	expect(block + 299999, true, "is in a free page of libkmem's");
}
END_TEST

/* What lies behind a run is none of it. */
START_TEST(a_free_page_behind_a_run)
{
	char *low = kmem_pages_alloc_exact(40 * KMEM_PAGE_SIZE, GFP_KERNEL);
	char *high = kmem_pages_alloc_exact(40 * KMEM_PAGE_SIZE, GFP_KERNEL);

	if (high < low) {
		char *swap = low;

		low = high;
		high = swap;
	}
	ck_assert_ptr_eq(low + 40 * KMEM_PAGE_SIZE, high);
	kmem_pages_free(high);
	expect(high - 1, true, PAGES, 40 * (size_t)KMEM_PAGE_SIZE - 1, "run", (size_t)40,
	       (void *)low, "kmem_pages_alloc", "in use");
	expect(high, true, "is in a free page of libkmem's");
}
END_TEST

START_TEST(a_mapping_of_its_own)
{
	const size_t large = (size_t)3 << 30;
	char *one = kmem_malloc(large), *gone = kmem_malloc(100 << 20);

	expect(one, true, PAGES, (size_t)0, "mapping", large >> 12, (void *)one, "malloc",
	       "in use");
	expect(one + large - 1, true, PAGES, large - 1, "mapping", large >> 12, (void *)one,
	       "malloc", "in use");
	kmem_free(gone);
	expect(gone, false, "is not libkmem's");
	kmem_free(one);
	expect(one + large / 2, false, "is not libkmem's");
}
END_TEST

START_TEST(what_is_not_libkmems)
{
	static int variable;
	void *other = malloc(100);

	kmem_free(kmem_malloc(100));
	expect(NULL, false, "is not libkmem's");
	expect((void *)-1, false, "is not libkmem's");
	expect((void *)1, false, "is not libkmem's");
	expect((void *)((uintptr_t)1 << ARCH_ADDRESS_BITS), false, "is not libkmem's");
	expect((void *)((uintptr_t)1 << 63), false, "is not libkmem's");
	expect(&variable, false, "is not libkmem's");
	expect(&other, false, "is not libkmem's");
	expect(other, false, "is not libkmem's");
	/* An alias, but for bits that no address has. */
	other = kmem_malloc(100);
	expect((void *)((uintptr_t)other | (uintptr_t)1 << 60), false, "is not libkmem's");
}
END_TEST

static void be_silent(void)
{
	int null = open("/dev/null", O_WRONLY);

	ck_assert_int_ge(null, 0);
	dup2(null, STDERR_FILENO);
	close(null);
}

static void use_all_kinds(void)
{
	static const size_t sizes[] = {10, 1000, 10000, 50000, 200000, 2000000, 100000000};

	for (int i = 0; i < 50; i++) {
		void *block = kmem_malloc(sizes[unit_below(7)]);

		if (unit_below(2))
			kmem_free(block);
	}
}

/* Every page there is, both ends of it, and any word at all. */
static void dump_everywhere(void)
{
	be_silent();
	use_all_kinds();
	for_each_zone (zone) {
		const char *base = (const char *)zone->pub.base;

		for (uint64_t i = 0; i <= zone->pub.npages; i += 1 + i / 16384 * 64) {
			kmem_dump_obj(base + (i << PAGE_SHIFT));
			kmem_dump_obj(base + (i << PAGE_SHIFT) - 1);
		}
	}
	for (int i = 0; i < 20000; i++)
		kmem_dump_obj((void *)(unit_next() >> unit_below(64)));
}

START_TEST(no_address_is_too_strange)
{
	ck_assert_int_eq(unit_child(dump_everywhere).status, 0);
}
END_TEST

static _Atomic bool done;
static void *_Atomic latest;

static void *come_and_go(void *unused)
{
	uint64_t random = default_seed() | 1;

	while (!atomic_load(&done)) {
		void *blocks[20];

		for (int i = 0; i < 20; i++) {
			blocks[i] = kmem_malloc(below(&random, 1 << (8 + below(&random, 14))));
			atomic_store(&latest, blocks[i]);
		}
		for (int i = 0; i < 20; i++)
			kmem_free(blocks[i]);
		kmem_trim();
	}
	return unused;
}

static void dump_while_it_changes(void)
{
	pthread_t thread;

	be_silent();
	if (pthread_create(&thread, NULL, come_and_go, NULL))
		_exit(1);
	for (int i = 0; i < 20000; i++)
		kmem_dump_obj((char *)atomic_load(&latest) + unit_below(2 << 20));
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

START_TEST(memory_may_come_and_go_meanwhile)
{
	if (UNDER_TSAN)
		return; /* it reads what may be anybody's by then, and knows it */
	ck_assert_int_eq(unit_child(dump_while_it_changes).status, 0);
}
END_TEST

UNIT_MAIN("dump", an_object_and_whether_it_is_home, a_class_of_malloc, a_block_of_the_heap,
	  a_run_of_pages, a_free_page_behind_a_run, a_mapping_of_its_own, what_is_not_libkmems,
	  no_address_is_too_strange, memory_may_come_and_go_meanwhile)
