// SPDX-License-Identifier: MIT
/* Private heaps on memory that the program gives: what they have, and what they leave alone. */
#include "private_heap_fixture.h"

#include "tests/no_calls.h"

#include "lib/heaps.h"

#include <pthread.h>
#include <stdatomic.h>

static char given[64 * KIB];

START_TEST(given_memory_is_all_it_has)
{
	struct kmem_stats before = {.size = sizeof(before)}, after = {.size = sizeof(after)};
	unsigned char *block;
	unsigned n;

	kmem_stats_read(&before);
	setup(&(struct kmem_heap_options){.memory = given + 3, .memory_bytes = sizeof(given) - 3});
	require((char *)heap >= given);
	kmem_stats_read(&after);
	ck_assert_uint_eq(after.span_bytes, before.span_bytes);
	ck_assert_uint_eq(after.heaps, before.heaps + 1);
	n = fill(1000);
	ck_assert_uint_ge(n, 60);
	kmem_heap_reset(heap);
	ck_assert_uint_eq(fill(1000), n);
	kmem_heap_reset(heap);
	block = alloc(stats().largest_free - 8);
	require((char *)block < given + sizeof(given));
	ck_assert_uint_eq(stats().free_bytes, 0);
	teardown();
	memset(given, 0xff, sizeof(given)); /* the program's again */
	ck_assert_ptr_null(kmem_validate());
}
END_TEST

START_TEST(the_least_memory_will_do)
{
	setup(&(struct kmem_heap_options){.memory = given, .memory_bytes = KMEM_HEAP_MEMORY_MIN});
	ck_assert_uint_ge(fill(100), 8);
	teardown();
}
END_TEST

static void live_without_calls(void)
{
	struct kmem_heap_options options = {.memory = given, .memory_bytes = sizeof(given)};
	void *blocks[100] = {NULL};

	if (!no_calls_begin(SECCOMP_RET_KILL_PROCESS))
		_exit(77);
	heap = kmem_heap_create("no calls", &options);
	for (unsigned i = 0; i < 10000; i++) {
		kmem_heap_free(heap, blocks[i % 100]);
		blocks[i % 100] = kmem_heap_alloc(heap, (i * 7) % 500);
		blocks[i % 100] = kmem_heap_realloc(heap, blocks[i % 100], (i * 5) % 500 + 1);
		if (!blocks[i % 100])
			syscall(SYS_exit_group, 3);
	}
	if (kmem_heap_alloc(heap, sizeof(given)) || kmem_heap_validate(heap))
		syscall(SYS_exit_group, 4);
	kmem_heap_reset(heap);
	kmem_heap_destroy(heap);
	syscall(SYS_exit_group, 42);
}

START_TEST(given_memory_takes_no_system_call)
{
	struct last_words words = unit_child(live_without_calls);

	if (WIFEXITED(words.status) && WEXITSTATUS(words.status) == 77)
		return; /* no seccomp here */
	ck_assert_msg(WIFEXITED(words.status) && WEXITSTATUS(words.status) == 42, "status %#x: %s",
		      (unsigned)words.status, words.text);
}
END_TEST

/* Pages of malloc's that are long free are given back by others. */
static void live_beside_old_pages(void)
{
	struct kmem_heap_options options = {.memory = given, .memory_bytes = sizeof(given)};
	void *old = kmem_malloc(8 * MIB);

	memset(old, 1, 8 * MIB);
	kmem_free(old);
	heap = kmem_heap_create("no calls", &options);
	kmem_option_set("decay_ms", "20");
	unit_sleep_ms(100);
	if (!no_calls_begin(SECCOMP_RET_KILL_PROCESS))
		_exit(77);
	for (unsigned i = 0; i < 10000; i++)
		kmem_heap_free(heap, kmem_heap_alloc(heap, 1000));
	syscall(SYS_exit_group, 42);
}

START_TEST(given_memory_takes_no_system_call_for_others)
{
	struct last_words words = unit_child(live_beside_old_pages);

	if (WIFEXITED(words.status) && WEXITSTATUS(words.status) == 77)
		return; /* no seccomp here */
	ck_assert_msg(WIFEXITED(words.status) && WEXITSTATUS(words.status) == 42, "status %#x: %s",
		      (unsigned)words.status, words.text);
}
END_TEST

static int see_no_overlap(const struct kmem_heap_block *block, void *data)
{
	char **end = data;

	require((char *)block->addr > *end);
	if (block->live)
		require(kmem_heap_usable_size(heap, block->addr) <= block->nbytes);
	*end = (char *)block->addr + block->nbytes;
	return 0;
}

START_TEST(a_walk_shows_the_bytes_that_are_a_blocks)
{
	for (unsigned checked = 0; checked < 2; checked++) {
		char *end = given;

		setup(&(struct kmem_heap_options){
			.memory = given, .memory_bytes = sizeof(given), .checked = checked});
		for (size_t nbytes = 0; nbytes < 1000; nbytes += 41)
			alloc(nbytes);
		ck_assert_int_eq(kmem_heap_walk(heap, see_no_overlap, &end), 0);
		require(end < given + sizeof(given));
		teardown();
	}
}
END_TEST

static _Atomic bool stop;

static void *reset_again_and_again(void *unused)
{
	while (!stop)
		kmem_heap_reset(heap);
	return unused;
}

/* As a report does, in whatever thread, of an address that is no block. */
START_TEST(given_memory_has_a_name_while_it_is_reset)
{
	char name[KMEM_HEAP_NAME_MAX + 1];
	pthread_t thread;

	setup(&(struct kmem_heap_options){.memory = given, .memory_bytes = sizeof(given)});
	stop = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, reset_again_and_again, NULL), 0);
	for (unsigned i = 0; i < 100000; i++)
		require(heap_name_of_given(given + sizeof(given) / 2, name));
	stop = true;
	pthread_join(thread, NULL);
	ck_assert_str_eq(name, "test");
	teardown();
}
END_TEST

UNIT_MAIN("private_heap_given", given_memory_is_all_it_has, the_least_memory_will_do,

	  given_memory_takes_no_system_call, given_memory_takes_no_system_call_for_others,
	  a_walk_shows_the_bytes_that_are_a_blocks, given_memory_has_a_name_while_it_is_reset)
