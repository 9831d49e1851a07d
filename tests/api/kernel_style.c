// SPDX-License-Identifier: MIT
/*
 * Sources of the kernel's kind: nothing but <linux/slab.h> and <linux/gfp.h>, no header of
 * the C library. Each function tests what the kernel promises of the names in it.
 */
#include <linux/gfp.h>
#include <linux/slab.h>

#include "kernel_check.h"

#define PAGE 4096ul

struct session {
	int fd;
	char name[44];
	struct session *next;
};

static bool all(const void *from, unsigned char byte, size_t nbytes)
{
	const unsigned char *bytes = from;

	while (nbytes > 0)
		if (bytes[--nbytes] != byte)
			return false;
	return true;
}

static void session_init(void *object)
{
	((struct session *)object)->fd = -1;
}

static int caches_by_either_form(void)
{
	struct kmem_cache_args args = {.align = 64, .ctor = session_init};
	struct kmem_cache *caches[] = {
		kmem_cache_create("session-args", sizeof(struct session), &args, SLAB_ACCOUNT),
		kmem_cache_create("session-null", sizeof(struct session), NULL,
				  SLAB_RECLAIM_ACCOUNT | SLAB_MEM_SPREAD),
		kmem_cache_create("session-old", sizeof(struct session), 0, SLAB_HWCACHE_ALIGN,
				  session_init),
		KMEM_CACHE(session, SLAB_PANIC),
		KMEM_CACHE_USERCOPY(session, SLAB_PANIC, name),
		kmem_cache_create_usercopy("session-user", 100, 0, SLAB_PANIC, 0, 100, NULL),
	};

	for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		struct session *one;

		check(caches[i]);
		one = kmem_cache_alloc(caches[i], GFP_KERNEL);
		check(one);
		kmem_cache_free(caches[i], one);
		kmem_cache_shrink(caches[i]);
		kmem_cache_destroy(caches[i]);
	}
	kmem_cache_destroy(NULL);
	return 0;
}

static int objects_of_a_cache(void)
{
	struct kmem_cache *cache = KMEM_CACHE(session, SLAB_HWCACHE_ALIGN | SLAB_PANIC);
	void *objects[32];
	struct session *one = kmem_cache_zalloc(cache, GFP_KERNEL);

	check(kmem_cache_size(cache) == sizeof(struct session));
	check(one && all(one, 0, sizeof(*one)) && (unsigned long)one % 64 == 0);
	kmem_cache_free(cache, one);
	check(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 32, objects) == 32);
	kmem_cache_free_bulk(cache, 32, objects);
	check(kmem_cache_alloc_bulk(cache, GFP_ATOMIC, 4, objects) == 4);
	kmem_cache_free_bulk(cache, 4, objects);
	one = kmem_cache_alloc(cache, GFP_NOWAIT);
	check(one);
	kfree(one);
	kmem_cache_destroy(cache);
	return 0;
}

static int blocks_of_all_sizes(void)
{
	static const size_t sizes[] = {1,    15,    16,	   17,	   100,	   1000,
				       5000, 32768, 32769, 100000, 5000000};
	volatile size_t much = ~0ul; /* the compiler would not let it pass */

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t nbytes = sizes[i];
		char *block = kmalloc(nbytes, GFP_KERNEL);

		check(block && (unsigned long)block % ARCH_KMALLOC_MINALIGN == 0);
		check(ksize(block) >= nbytes);
		check(kmalloc_size_roundup(nbytes) >= nbytes);
		__builtin_memset(block, 0xff, ksize(block));
		kfree(block);
		block = kzalloc(nbytes, GFP_KERNEL);
		check(block && all(block, 0, nbytes));
		__builtin_memset(block, 0xff, nbytes);
		kfree_sensitive(block);
	}
	check(!kmalloc(much >> 1, GFP_KERNEL | __GFP_NOWARN));
	check(!kzalloc(much - 5, GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL));
	return 0;
}

static int nothing_is_a_pointer(void)
{
	void *none = kmalloc(0, GFP_KERNEL);

	check(none == ZERO_SIZE_PTR);
	check(ZERO_OR_NULL_PTR(none) && ZERO_OR_NULL_PTR(NULL) && !ZERO_OR_NULL_PTR(&none));
	check(ksize(none) == 0 && ksize(NULL) == 0);
	check(kmalloc_size_roundup(0) == 0);
	check(kmalloc(0, GFP_NOWAIT) == ZERO_SIZE_PTR);
	check(kcalloc(0, 5, GFP_KERNEL) == ZERO_SIZE_PTR);
	check(kvmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree(none);
	kfree(NULL);
	kvfree(none);
	kfree_sensitive(none);
	check(krealloc(none, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	none = krealloc(none, 100, GFP_KERNEL);
	check(!ZERO_OR_NULL_PTR(none));
	check(krealloc(none, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	return 0;
}

/* To the largest power of two that divides the size; several, to meet all places in a slab. */
static int natural_alignment(void)
{
	for (size_t nbytes = 8; nbytes <= 4 * PAGE * 16; nbytes += nbytes < PAGE ? 8 : PAGE / 2) {
		size_t align = nbytes & -nbytes;
		void *blocks[20];

		for (int i = 0; i < 20; i++) {
			blocks[i] = kmalloc(nbytes, GFP_KERNEL);
			check(blocks[i] && (unsigned long)blocks[i] % align == 0);
		}
		kfree_bulk(20, blocks);
	}
	for (size_t nbytes = 8; nbytes <= KMALLOC_MAX_SIZE; nbytes *= 2) {
		char *block = kzalloc(nbytes, GFP_KERNEL);

		check(block && (unsigned long)block % nbytes == 0 && all(block, 0, nbytes));
		block = krealloc(block, 2 * nbytes, GFP_KERNEL);
		check(block && (2 * nbytes > KMALLOC_MAX_SIZE || ksize(block) > 2 * nbytes ||
				(unsigned long)block % (2 * nbytes) == 0));
		kfree(block);
	}
	return 0;
}

static int arrays(void)
{
	volatile size_t many = ~0ul / 8;
	int *numbers = kmalloc_array(1000, sizeof(*numbers), GFP_KERNEL);

	check(numbers);
	for (int i = 0; i < 1000; i++)
		numbers[i] = i;
	numbers = krealloc_array(numbers, 100000, sizeof(*numbers), GFP_KERNEL);
	check(numbers);
	for (int i = 0; i < 1000; i++)
		check(numbers[i] == i);
	check(!krealloc_array(numbers, many, 16, GFP_KERNEL));
	check(numbers[999] == 999);
	kfree(numbers);
	check(!kmalloc_array(many, 16, GFP_KERNEL));
	check(!kcalloc(many, 16, GFP_KERNEL));
	check(!kvmalloc_array(many, 16, GFP_KERNEL));
	check(!kvcalloc(many, 16, GFP_KERNEL));
	check(!kmalloc_array(many, 16, GFP_KERNEL | __GFP_NOFAIL));
	numbers = kcalloc(1000, sizeof(*numbers), GFP_KERNEL);
	check(numbers && all(numbers, 0, 1000 * sizeof(*numbers)));
	kfree(numbers);
	return 0;
}

/* What krealloc adds to zeroed blocks is zero, in whatever steps they grow and shrink. */
static int zeroed_growth(void)
{
	static const size_t sizes[] = {10,    12,   100,    40,	   200000,  150000,
				       66000, 9000, 300000, 40000, 2000000, 5000000};
	size_t had = 1;
	char *block = kzalloc(had, GFP_KERNEL);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t nbytes = sizes[i], same = had < nbytes ? had : nbytes;

		check(block);
		__builtin_memset(block, 0x55, had);
		block = krealloc(block, nbytes, GFP_KERNEL | __GFP_ZERO);
		check(block && all(block, 0x55, same));
		check(all(block + same, 0, nbytes - same));
		had = nbytes;
	}
	kfree(block);
	return 0;
}

static int large_ones(void)
{
	char *block = kvmalloc(20 << 20, GFP_KERNEL);

	check(block);
	block[(20 << 20) - 1] = 1;
	block = kvrealloc(block, 30 << 20, GFP_KERNEL);
	check(block && block[(20 << 20) - 1] == 1);
	kvfree_sensitive(block, 30 << 20);
	block = kvzalloc(1 << 20, GFP_KERNEL_ACCOUNT);
	check(block && all(block, 0, 1 << 20));
	kvfree(block);
	block = kvmalloc_array(1000, 1000, GFP_USER);
	check(block);
	kvfree(block);
	block = kvcalloc(1000, 1000, GFP_KERNEL);
	check(block && all(block, 0, 1000000));
	kvfree(block);
	return 0;
}

static int nodes(void)
{
	void *blocks[] = {
		kmalloc_node(100, GFP_KERNEL, NUMA_NO_NODE), kzalloc_node(100, GFP_KERNEL, 0),
		kmalloc_array_node(10, 10, GFP_KERNEL, 0),   kcalloc_node(10, 10, GFP_KERNEL, 0),
		kvmalloc_node(100, GFP_KERNEL, 0),	     kvzalloc_node(100, GFP_KERNEL, 0),
		kmalloc_track_caller(100, GFP_KERNEL),
	};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		check(blocks[i]);
	check(all(blocks[1], 0, 100) && all(blocks[3], 0, 100) && all(blocks[5], 0, 100));
	kfree_bulk(sizeof(blocks) / sizeof(blocks[0]), blocks);
	return 0;
}

static int copies(void)
{
	char *copy = kstrdup("slab", GFP_KERNEL);

	check(copy && __builtin_strcmp(copy, "slab") == 0);
	kfree(copy);
	check(!kstrdup(NULL, GFP_KERNEL) && !kstrndup(NULL, 3, GFP_KERNEL));
	check(!kmemdup_nul(NULL, 3, GFP_KERNEL));
	copy = kstrndup("slab", 2, GFP_KERNEL);
	check(copy && __builtin_strcmp(copy, "sl") == 0);
	kfree(copy);
	copy = kstrndup("slab", 20, GFP_KERNEL);
	check(copy && __builtin_strcmp(copy, "slab") == 0);
	kfree(copy);
	copy = kmemdup("slab", 5, GFP_KERNEL);
	check(copy && __builtin_memcmp(copy, "slab", 5) == 0);
	kfree(copy);
	copy = kmemdup_nul("slab", 3, GFP_KERNEL);
	check(copy && __builtin_memcmp(copy, "sla", 4) == 0);
	kfree(copy);
	check(kmemdup("slab", 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	return 0;
}

/* It is as with a cache: what a thread has at hand comes, nothing else does. */
static int without_waiting(void)
{
	void *block = kmalloc(3000, GFP_ATOMIC);

	check(!block); /* the first of its class */
	check(!kmalloc(100000, GFP_NOWAIT));
	block = kmalloc(3000, GFP_KERNEL);
	check(block);
	check(!krealloc(block, 100000, GFP_ATOMIC));
	check(krealloc(block, 10, GFP_ATOMIC) == block);
	kfree(block);
	block = kzalloc(3000, GFP_ATOMIC | __GFP_ACCOUNT);
	check(block && all(block, 0, 3000));
	kfree(block);
	check(gfpflags_allow_blocking(GFP_KERNEL) && gfpflags_allow_blocking(GFP_NOFS));
	check(!gfpflags_allow_blocking(GFP_NOWAIT) && !gfpflags_allow_blocking(GFP_ATOMIC));
	return 0;
}

static int flags(void)
{
	gfp_t every[] = {GFP_NOIO,
			 GFP_NOFS,
			 GFP_USER,
			 GFP_HIGHUSER,
			 GFP_HIGHUSER_MOVABLE,
			 GFP_KERNEL | GFP_DMA,
			 GFP_KERNEL | GFP_DMA32,
			 GFP_KERNEL | __GFP_COMP,
			 GFP_TRANSHUGE,
			 __GFP_RECLAIM,
			 GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOLOCKDEP,
			 GFP_KERNEL | __GFP_NOMEMALLOC | __GFP_HARDWALL | __GFP_HIGHMEM,
			 GFP_KERNEL | __GFP_NORETRY | __GFP_MOVABLE,
			 GFP_KERNEL | __GFP_NOFAIL};

	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		void *block = kmalloc(100, every[i]);

		check(block);
		check(!(every[i] & (gfp_t)~__GFP_BITS_MASK) && !(every[i] & GFP_ZONEMASK));
		kfree(block);
	}
	/* What a shrinker asks: may it take the caller's locks? */
	check(GFP_KERNEL & __GFP_FS && GFP_KERNEL & __GFP_IO);
	check(!(GFP_NOFS & __GFP_FS) && GFP_NOFS & __GFP_IO && !(GFP_NOIO & __GFP_IO));
	return 0;
}

static int pages(void)
{
	unsigned long address = __get_free_page(GFP_KERNEL);
	void *exact;

	check(address && address % PAGE == 0);
	free_page(address);
	address = get_zeroed_page(GFP_KERNEL);
	check(address && all((void *)address, 0, PAGE));
	free_page(address);
	address = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 3);
	check(address && address % (8 * PAGE) == 0 && all((void *)address, 0, 8 * PAGE));
	free_pages(address, 3);
	free_pages(0, 3);
	exact = alloc_pages_exact(5 * PAGE - 1, GFP_KERNEL);
	check(exact && (unsigned long)exact % PAGE == 0);
	free_pages_exact(exact, 5 * PAGE - 1);
	return 0;
}

int main(void)
{
	return caches_by_either_form() || objects_of_a_cache() || without_waiting() ||
	       blocks_of_all_sizes() || nothing_is_a_pointer() || natural_alignment() || arrays() ||
	       zeroed_growth() || large_ones() || nodes() || copies() || flags() || pages();
}
