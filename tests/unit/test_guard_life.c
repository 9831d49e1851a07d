// SPDX-License-Identifier: MIT
/* Guarded objects that nobody wrongs are like others: in all calls, threads and children. */
#include "guarded.h"

#include "children.h"
#include "faults.h"

#include "buddy/stacks.h"
#include "lib/stats.h"

#include <kmem/malloc.h>

static void sizes_and_edges(void)
{
	static const size_t sizes[] = {1, 8, 24, 60, 100, 112, 1000, 4000, 4096};

	guard_on();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (enum edge edge = EDGE_LEFT; edge <= EDGE_RIGHT; edge++) {
			char *block =
				guarded_object(NULL, sizes[i], sizes[i] > 4080 ? EDGE_ANY : edge);

			require((uintptr_t)block % 16 == 0);
			require(kmem_usable_size(block) == sizes[i]);
			memset(block, 1, sizes[i]);
			kmem_free(block);
		}
	require(!guarded_next(NULL, 5000));
}

START_TEST(any_size_up_to_a_page)
{
	expect_words(sizes_and_edges, "");
}
END_TEST

static void *kept[GUARDED_BATCH];

static void drop(void)
{
	kmem_cache_free_bulk(NULL, GUARDED_BATCH, kept);
	memset(kept, 0, sizeof(kept));
	unit_sleep_ms(1);
}

/* Make the call until what it gives is guarded. */
#define guarded_of(call)                                                                           \
	({                                                                                         \
		char *found = NULL;                                                                \
                                                                                                   \
		for (unsigned n = 0; !found && n < 100 * GUARDED_TRIES; n++) {                     \
			void *block = (call);                                                      \
                                                                                                   \
			require(block);                                                            \
			if (guard_holds(block))                                                    \
				found = block;                                                     \
			else                                                                       \
				kept[n % GUARDED_BATCH] = block;                                   \
			if (found || n % GUARDED_BATCH == GUARDED_BATCH - 1)                       \
				drop();                                                            \
		}                                                                                  \
		require(found);                                                                    \
		found;                                                                             \
	})

static bool is_zero(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

static void in_all_calls(void)
{
	struct kmem_cache *cache = kmem_cache_create("zeroed", 72, 0, 0, NULL);
	char *block, *other;

	guard_on();
	for (int i = 0; i < 6; i++) {
		block = guarded_of(kmem_calloc(7, 10));
		require(is_zero(block, 70));
		memset(block, 'x', 70);
		other = kmem_realloc(block, 60);
		require(other != block && other[0] == 'x' && other[59] == 'x');
		kmem_free(other);
		block = guarded_of(kmem_kmalloc(96, GFP_KERNEL | __GFP_ZERO));
		require(is_zero(block, 96) && (uintptr_t)block % 32 == 0 &&
			kmem_ksize(block) == 96);
		memset(block, 'y', 96);
		other = kmem_krealloc(block, 200, GFP_KERNEL | __GFP_ZERO);
		require(other != block && other[95] == 'y' && is_zero(other + 96, 104));
		kmem_kfree(other);
		block = guarded_of(kmem_kmalloc(96, GFP_KERNEL));
		memset(block, 'w', 96);
		other = kmem_krealloc(block, 64, GFP_KERNEL);
		require(other != block && other[63] == 'w');
		kmem_kfree(other);
		block = guarded_of(kmem_aligned_alloc(512, 700));
		require((uintptr_t)block % 512 == 0);
		memset(block, 'z', 700);
		kmem_kfree_sensitive(block);
		block = guarded_of(kmem_cache_zalloc(cache, GFP_KERNEL));
		require(is_zero(block, 72));
		kmem_free(block);
	}
	require(kmem_cache_destroy(cache) == 0);
}

START_TEST(blocks_of_all_calls)
{
	expect_words(in_all_calls, "");
}
END_TEST

static unsigned nbuilt, nended;

static void build(void *object)
{
	memset(object, 'c', 48);
	nbuilt++;
}

static void end(void *object)
{
	require(*(char *)object == 'c');
	nended++;
}

static void by_all_frees(void)
{
	const struct kmem_cache_args args = {.ctor = build, .dtor = end};
	struct kmem_cache *cache = kmem_cache_create_args("built", 48, &args, 0);
	void *both[2];

	guard_on();
	for (int i = 0; i < 20; i++) {
		both[0] = guarded_object(cache, 48, EDGE_ANY);
		both[1] = kmem_cache_alloc(cache, GFP_KERNEL);
		require(((char *)both[0])[47] == 'c');
		if (i % 3 == 0) {
			kmem_cache_free_bulk(cache, 2, both);
		} else if (i % 3 == 1) {
			kmem_cache_free_bulk(NULL, 2, both);
		} else {
			kmem_cache_free(cache, both[0]);
			kmem_cache_free(cache, both[1]);
		}
		if (i % 7 == 0)
			kmem_cache_shrink(cache);
	}
	kmem_cache_shrink(cache);
	require(cache_stats(cache).active == 0);
	require(!cache_check(cache));
	require(kmem_cache_destroy(cache) == 0);
	require(nbuilt >= 20 && nbuilt == nended);
}

START_TEST(constructed_once_and_destructed_once_whoever_frees)
{
	expect_words(by_all_frees, "");
}
END_TEST

static struct kmem_cache *plain;

static void destroy_with_one_out(void)
{
	void *object;

	plain = kmem_cache_create("plain", 48, 0, 0, NULL);
	guard_on();
	object = guarded_object(plain, 48, EDGE_ANY);
	kmem_cache_shrink(plain);
	/* The program has it, and it is in no slab. */
	require(cache_stats(plain).active == 1 && cache_stats(plain).objects == 0);
	require(kmem_cache_destroy(plain) == -EBUSY);
	kmem_cache_free(plain, object);
	require(cache_stats(plain).active == 0);
	require(kmem_cache_destroy(plain) == 0);
}

START_TEST(a_live_one_keeps_its_cache)
{
	struct last_words words = unit_child(destroy_with_one_out);

	ck_assert_int_eq(words.status, 0);
	ck_assert_ptr_nonnull(strstr(words.text, "kmem_cache_destroy: cache 'plain': object 0x"));
	ck_assert_ptr_eq(strstr(strchr(words.text, '\n') + 1, "plain"), NULL);
}
END_TEST

static void of_others(void)
{
	const struct kmem_cache_args limited = {.limit_objects = 100000};
	struct kmem_cache *caches[] = {
		kmem_cache_create("skip", 48, 0, SLAB_SKIP_KFENCE, NULL),
		kmem_cache_create("nowait", 48, 0, SLAB_NOWAIT, NULL),
		kmem_cache_create_args("limited", 48, &limited, 0),
		kmem_cache_create("large", 4097, 0, 0, NULL),
	};

	guard_on();
	kmem_free(guarded_object(NULL, 48, EDGE_ANY));
	for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		for (int n = 0; n < 20; n++) {
			void *objects[500];

			unit_sleep_ms(1);
			require(kmem_cache_alloc_bulk(caches[i], GFP_KERNEL, 500, objects) == 500);
			for (int k = 0; k < 500; k++)
				require(!guard_holds(objects[k]));
			kmem_cache_free_bulk(caches[i], 500, objects);
		}
		require(kmem_cache_destroy(caches[i]) == 0);
	}
}

START_TEST(caches_that_have_none)
{
	expect_words(of_others, "");
}
END_TEST

static void off_by_default(void)
{
	require(!guarded_next(NULL, 48));
	require(!guard_ready());
	guard_on();
	kmem_free(guarded_object(NULL, 48, EDGE_ANY));
	require(kmem_option_set("kfence_sample_interval", "0") == 0);
	require(!guarded_next(NULL, 48));
	require(kmem_option_set("kfence_sample_interval", "soon") == -EINVAL);
	require(kmem_option_set("kfence_pool", "0") == -EINVAL);
	require(kmem_option_set("kfence_pool", "8192") == -EINVAL);
}

START_TEST(none_unless_switched_on)
{
	expect_words(off_by_default, "");
}
END_TEST

static void exhaust(void)
{
	void *objects[8];

	require(kmem_option_set("kfence_pool", "8") == 0);
	guard_on();
	for (int i = 0; i < 6; i++)
		objects[i] = guarded_object(NULL, 48, EDGE_ANY);
	/* The last quarter is for who has none. */
	if (stack_here(NULL)) {
		/* volatile: unrolled they would be two places. */
		for (volatile int i = 0; i < 2; i++)
			objects[6 + i] = guarded_next(NULL, 48);
		require(objects[6] && !objects[7]);
	} else {
		objects[6] = guarded_next(NULL, 48);
	}
	objects[7] = guarded_next(NULL, 48);
	require(objects[6] && objects[7]);
	require(!guarded_next(NULL, 48));
	for (int i = 0; i < 8; i++)
		kmem_free(objects[i]);
	for (int i = 0; i < 100; i++)
		kmem_free(guarded_object(NULL, 48, EDGE_ANY));
}

START_TEST(ordinary_ones_when_the_pool_is_in_use)
{
	expect_words(exhaust, "");
}
END_TEST

static void line_up(void)
{
	char *first;

	require(kmem_option_set("kfence_pool", "8") == 0);
	guard_on();
	first = guarded_object(NULL, 4096, EDGE_ANY);
	kmem_free(first);
	for (int i = 1; i < 8; i++) {
		char *next = guarded_object(NULL, 4096, EDGE_ANY);

		require(next != first);
		kmem_free(next);
	}
	require(guarded_object(NULL, 4096, EDGE_ANY) == first);
}

START_TEST(a_page_rests_as_long_as_it_can)
{
	expect_words(line_up, "");
}
END_TEST

static void describe(void)
{
	char *block;

	guard_on();
	block = guarded_object(NULL, 64, EDGE_LEFT);
	require(kmem_dump_obj(block + 5));
	require(kmem_dump_obj(block + 100));
	require(kmem_dump_obj(block - 1));
	kmem_free(block);
	require(kmem_dump_obj(block));
}

START_TEST(an_address_in_the_pool_is_described)
{
	struct last_words words = unit_child(describe);

	ck_assert_int_eq(words.status, 0);
	ck_assert_ptr_nonnull(strstr(words.text, " is 5 bytes into object 0x"));
	ck_assert_ptr_nonnull(strstr(words.text, "of cache 'malloc-64' (size 64): kfence-#"));
	ck_assert_ptr_nonnull(strstr(words.text, " is beside object 0x"));
	ck_assert_ptr_nonnull(strstr(words.text, " is on a page of the guarded pool without"));
	ck_assert_ptr_nonnull(strstr(words.text, ", in use\n"));
	ck_assert_ptr_nonnull(strstr(words.text, ", free\n"));
}
END_TEST

/* Of each way to be refused there are ordinary objects; nothing is lost that the pool had. */
static void without_mprotect(void)
{
	faults_refuse(FAULT_MPROTECT);
	/* The clock's step may be as long as hundreds of them. */
	for (unsigned batch = 0; batch < 30 || (!faults.nrefused && batch < GUARDED_TRIES);
	     batch++) {
		for (unsigned i = 0; i < GUARDED_BATCH; i++) {
			kept[i] = kmem_malloc(48);
			require(!kept[i] || !guard_holds(kept[i]));
		}
		drop();
	}
	require(faults.nrefused > 0);
	faults_end();
}

static void refused_pages(void)
{
	void *blocks[3];

	require(kmem_option_set("kfence_pool", "4") == 0);
	guard_on();
	kmem_free(guarded_object(NULL, 48, EDGE_ANY));
	without_mprotect();
	for (int i = 0; i < 3; i++)
		blocks[i] = guarded_object(NULL, 48 + (size_t)i, EDGE_ANY);
	kmem_cache_free_bulk(NULL, 3, blocks);
}

START_TEST(refused_calls_give_ordinary_objects)
{
	expect_words(refused_pages, "");
}
END_TEST

static void refused_pool(void)
{
	kmem_free(kmem_malloc(48));
	guard_on();
	faults_refuse(FAULT_MMAP);
	require(!guarded_next(NULL, 48));
	faults_end();
}

START_TEST(without_addresses_it_is_off)
{
	expect_words(refused_pool, "libkmem: kfence_sample_interval: there is no memory for the "
				   "pool; it is off\n");
}
END_TEST

UNIT_MAIN("guard_life", any_size_up_to_a_page, blocks_of_all_calls,
	  constructed_once_and_destructed_once_whoever_frees, a_live_one_keeps_its_cache,
	  caches_that_have_none, none_unless_switched_on, ordinary_ones_when_the_pool_is_in_use,
	  a_page_rests_as_long_as_it_can, an_address_in_the_pool_is_described,
	  refused_calls_give_ordinary_objects, without_addresses_it_is_off)
