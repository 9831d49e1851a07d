// SPDX-License-Identifier: MIT
/* kmem_validate and kmem_cache_validate: nothing wrong in a sound process, and what is, is named.
 */
#include "debug_fixture.h"

#include "buddy/pagemap.h"
#include "slab/slot_load.h"
#include "slab/thread.h"

#include <pthread.h>

#define N 300u

static void *objects[N];

static void expect_wrong(const char *text)
{
	unit_broken(kmem_cache_validate(cache), text);
	unit_broken(kmem_validate(), text);
}

static void *use(void *unused)
{
	void *blocks[200];

	for (unsigned i = 0; i < 200; i++)
		blocks[i] = kmem_malloc((size_t)i * i * 10);
	for (unsigned i = 0; i < 200; i += 2)
		kmem_free(blocks[i]);
	for (unsigned i = 0; i < 100; i++)
		put(get());
	for (unsigned i = 1; i < 200; i += 2)
		kmem_free(blocks[i]);
	return unused;
}

START_TEST(a_sound_process)
{
	pthread_t thread;

	for (unsigned i = 0; i < 4; i++) {
		make(100 << i, i % 2 ? FZPU : 0);
		use(NULL);
		pthread_create(&thread, NULL, use, NULL);
		pthread_join(thread, NULL);
		get_all(objects, N);
		ck_assert_ptr_null(kmem_validate());
		put_all(objects, N);
		sound();
		ck_assert_ptr_null(kmem_validate());
	}
}
END_TEST

START_TEST(a_wrong_count_of_a_slab)
{
	struct slab *slab;

	make(64, 0);
	get_all(objects, 10);
	put_all(objects, 10);
	kmem_cache_shrink(cache);
	get_all(objects, 10);
	kmem_cache_shrink(cache);
	slab = slab_of(objects[0]);
	sound();
	atomic_fetch_add(&slab->state, 1ull << 32);
	expect_wrong("S1");
	atomic_fetch_sub(&slab->state, 1ull << 32);
	sound();
}
END_TEST

START_TEST(a_slab_on_the_wrong_list)
{
	struct slab *slab;

	make(64, 0);
	get_all(objects, 10);
	kmem_cache_shrink(cache);
	slab = slab_of(objects[0]);
	slab->bucket++;
	expect_wrong("S2");
	slab->bucket--;
	sound();
}
END_TEST

START_TEST(a_page_that_leads_elsewhere)
{
	void *page;

	make(64, 0);
	get_all(objects, 10);
	kmem_cache_shrink(cache);
	page = slab_pages(slab_of(objects[0]));
	pagemap_tag(page, ID_PAGES);
	unit_broken(kmem_cache_validate(cache), "S5");
	pagemap_tag(page, cache->id);
	sound();
}
END_TEST

START_TEST(a_wrong_count_of_what_is_out)
{
	make(64, FZPU);
	get_all(objects, 10);
	atomic_fetch_add(&cache->used, 1);
	expect_wrong("S7");
	atomic_fetch_sub(&cache->used, 1);
	sound();
}
END_TEST

/* The top of the thread's sheaf. */
static void **top(void)
{
	struct slot *slot = thread_slot(thread_self(), cache->id);

	require(slot_has_objects(slot));
	return (void **)slot->sp;
}

START_TEST(a_sheaf_with_what_it_must_not_have)
{
	void *other, *was;

	make(64, 0);
	get_all(objects, 10);
	put_all(objects, 5);
	was = *top();
	*top() = (char *)was + 8;
	expect_wrong("a sheaf holds what is no object of its cache");
	*top() = other = kmem_malloc(10);
	expect_wrong("a sheaf holds what is no object of its cache");
	*top() = was;
	kmem_free(other);
	sound();
	/* Home, and in the sheaf as well. */
	cache->ops->home(cache, &was, 1);
	expect_wrong("a sheaf holds an object that is at home");
}
END_TEST

START_TEST(each_damaged_object_is_reported)
{
	make(64, FZPU);
	get_all(objects, 20);
	put_all(objects, 10);
	for (unsigned i = 0; i < 20; i += 5)
		((char *)objects[i])[i < 10 ? 3 : 64] = 1;
	listen();
	unit_broken(kmem_cache_validate(cache), "an object was damaged");
	expect_bugs(4, " overwritten");
	/* They were repaired. */
	sound();
	for (unsigned i = 10; i < 20; i++)
		put(objects[i]);
	finish();
}
END_TEST

START_TEST(a_damaged_heap)
{
	char *block = kmem_malloc(40000);
	uint64_t *head, was;

	__asm__("" : "=r"(head) : "0"(block - 8)); /* its head */
	was = *head;
	make(64, 0);
	ck_assert_ptr_null(kmem_validate());
	*head ^= 0x10;
	ck_assert_ptr_nonnull(kmem_validate());
	sound();
	*head = was;
	ck_assert_ptr_null(kmem_validate());
	kmem_free(block);
}
END_TEST

UNIT_MAIN("validate", a_sound_process, a_wrong_count_of_a_slab, a_slab_on_the_wrong_list,
	  a_page_that_leads_elsewhere, a_wrong_count_of_what_is_out,
	  a_sheaf_with_what_it_must_not_have, each_damaged_object_is_reported, a_damaged_heap)
