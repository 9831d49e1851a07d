// SPDX-License-Identifier: MIT
/* Crimes against guarded objects: each stops where it happens, or at the free; or is gone past. */
#include "guarded.h"

static struct kmem_cache *cache, *other;
static size_t size;
static enum edge edge;
static void (*crime)(volatile char *victim);

static void commit(void)
{
	guard_on();
	crime(guarded_object(cache, size, edge));
}

static void commit_and_go_on(void)
{
	kmem_option_set("on_error", "continue");
	commit();
	for (int i = 0; i < 20; i++)
		release(cache, guarded_object(cache, size, EDGE_ANY));
}

static void expect_texts(const struct last_words *words, const char *const texts[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(strstr(words->text, texts[i]), "no '%s' in:\n%s", texts[i],
			      words->text);
}

/* It aborts, or is gone past, after a report with all of the texts. */
#define expect(act, ...)                                                                           \
	do {                                                                                       \
		static const char *const texts[] = {__VA_ARGS__};                                  \
		struct last_words words;                                                           \
                                                                                                   \
		crime = act;                                                                       \
		words = unit_child(commit);                                                        \
		expect_texts(&words, texts, sizeof(texts) / sizeof(texts[0]));                     \
		ck_assert_msg(unit_aborted(&words), "status %#x", (unsigned)words.status);         \
		words = unit_child(commit_and_go_on);                                              \
		expect_texts(&words, texts, sizeof(texts) / sizeof(texts[0]));                     \
		ck_assert_msg(words.status == 0, "continued: status %#x, %s",                      \
			      (unsigned)words.status, words.text);                                 \
	} while (0)

static void of_malloc(size_t nbytes, enum edge where)
{
	cache = NULL;
	size = nbytes;
	edge = where;
}

static void of_cache(unsigned nbytes, enum edge where)
{
	of_malloc(nbytes, where);
	cache = kmem_cache_create("crash", nbytes, 0, 0, NULL);
}

static void read_after(volatile char *victim)
{
	(void)victim[size];
}

static void write_after(volatile char *victim)
{
	victim[size] = 1;
}

static void read_before(volatile char *victim)
{
	(void)victim[-1];
}

static void write_before(volatile char *victim)
{
	victim[-1] = 1;
}

START_TEST(access_behind_a_block)
{
	of_malloc(64, EDGE_RIGHT);
	expect(read_after, "BUG: KFENCE: out-of-bounds read in 0x", "Out-of-bounds read at 0x",
	       " (64B right of kfence-#", "size=64, cache=malloc-64\n", "\nallocated age=");
	expect(write_after, "BUG: KFENCE: out-of-bounds write in 0x", "Out-of-bounds write at 0x");
}
END_TEST

START_TEST(access_before_a_block)
{
	of_malloc(100, EDGE_LEFT);
	expect(read_before, "BUG: KFENCE: out-of-bounds read in 0x", " (1B left of kfence-#",
	       "size=100, cache=malloc-112\n");
	expect(write_before, "BUG: KFENCE: out-of-bounds write in 0x");
}
END_TEST

START_TEST(access_beside_an_object)
{
	of_cache(96, EDGE_RIGHT);
	expect(write_after, "BUG: KFENCE: out-of-bounds write in 0x", " (96B right of kfence-#",
	       "size=96, cache=crash\n");
	edge = EDGE_LEFT;
	expect(read_before, "BUG: KFENCE: out-of-bounds read in 0x", " (1B left of kfence-#");
}
END_TEST

static void read_freed(volatile char *victim)
{
	release(cache, (void *)victim);
	(void)victim[3];
}

static void write_freed(volatile char *victim)
{
	release(cache, (void *)victim);
	victim[3] = 1;
}

START_TEST(use_after_free)
{
	of_malloc(40, EDGE_ANY);
	expect(read_freed, "BUG: KFENCE: use-after-free read in 0x", "Use-after-free read at 0x",
	       " (in kfence-#", "\nallocated age=", "\nfreed age=");
	expect(write_freed, "BUG: KFENCE: use-after-free write in 0x");
	of_cache(96, EDGE_ANY);
	expect(write_freed, "BUG: KFENCE: use-after-free write in 0x", "cache=crash\n",
	       "\nallocated age=", "\nfreed age=");
}
END_TEST

static void destroy_and_read(volatile char *victim)
{
	kmem_cache_free(cache, (void *)victim);
	require(kmem_cache_destroy(cache) == 0);
	cache = kmem_cache_create("next", 64, 0, 0, NULL);
	(void)victim[0];
}

START_TEST(use_after_the_cache_was_destroyed)
{
	of_cache(96, EDGE_ANY);
	expect(destroy_and_read, "BUG: KFENCE: use-after-free read in 0x", "cache=crash\n");
}
END_TEST

static void free_twice(volatile char *victim)
{
	release(cache, (void *)victim);
	release(cache, (void *)victim);
}

static void free_inside(volatile char *victim)
{
	release(cache, (void *)(victim + 8));
}

static void free_behind(volatile char *victim)
{
	release(cache, (void *)(victim + sys_page_size()));
}

START_TEST(wrong_frees)
{
	of_malloc(40, EDGE_ANY);
	expect(free_twice, "BUG: KFENCE: invalid free\n", "Invalid free of 0x", "\nfreed age=");
	expect(free_inside, "BUG: KFENCE: invalid free\n", "\nallocated age=");
	expect(free_behind, "BUG: KFENCE: invalid free\n", "(between objects)");
	of_cache(40, EDGE_ANY);
	expect(free_twice, "BUG: KFENCE: invalid free\n", "cache=crash\n", "\nfreed age=");
	expect(free_inside, "BUG: KFENCE: invalid free\n");
}
END_TEST

static void free_to_other(volatile char *victim)
{
	kmem_cache_free(other, (void *)victim);
}

START_TEST(free_to_the_wrong_cache)
{
	other = kmem_cache_create("other", 40, 0, 0, NULL);
	of_cache(40, EDGE_ANY);
	expect(free_to_other, "freed to cache 'other' is of cache 'crash'\n");
	of_malloc(40, EDGE_ANY);
	expect(free_to_other, "freed to cache 'other' is of cache 'malloc-48'\n");
}
END_TEST

static void free_by_bulk_twice(volatile char *victim)
{
	void *both[2] = {(void *)victim, (void *)victim};

	kmem_cache_free_bulk(cache, 2, both);
	kmem_cache_shrink(cache);
}

START_TEST(double_free_by_bulk)
{
	of_cache(40, EDGE_ANY);
	expect(free_by_bulk_twice, "BUG: KFENCE: invalid free\n", "cache=crash\n");
}
END_TEST

static void realloc_freed(volatile char *victim)
{
	kmem_free((void *)victim);
	require_errno(EINVAL, kmem_realloc((void *)victim, 100));
}

static void measure_freed(volatile char *victim)
{
	kmem_free((void *)victim);
	require(kmem_usable_size((void *)victim) == 0);
}

START_TEST(other_calls_with_what_is_free)
{
	of_malloc(40, EDGE_ANY);
	expect(realloc_freed, "BUG: KFENCE: invalid realloc\n");
	expect(measure_freed, "BUG: KFENCE: invalid usable_size\n");
}
END_TEST

/* 60 bytes end 4 before the page does. */
static void write_padding(volatile char *victim)
{
	victim[size + 1] = 0x41;
	release(cache, (void *)victim);
}

static void write_far_before(volatile char *victim)
{
	victim[-100] = 0x41;
	release(cache, (void *)victim);
}

START_TEST(damage_is_found_at_the_free)
{
	of_malloc(60, EDGE_RIGHT);
	expect(write_padding, "BUG: KFENCE: memory corruption\n", "Corrupted memory at 0x",
	       " [ 41 . . ] (in kfence-#", "size=60, cache=malloc-64\n");
	expect(write_far_before, "BUG: KFENCE: memory corruption\n", " [ 41 . . . . . . .");
	of_cache(64, EDGE_LEFT);
	expect(write_padding, "BUG: KFENCE: memory corruption\n", " [ 41 . . . . . . .");
}
END_TEST

UNIT_MAIN("guard", access_behind_a_block, access_before_a_block, access_beside_an_object,
	  use_after_free, use_after_the_cache_was_destroyed, wrong_frees, free_to_the_wrong_cache,
	  double_free_by_bulk, other_calls_with_what_is_free, damage_is_found_at_the_free)
