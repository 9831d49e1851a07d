// SPDX-License-Identifier: MIT
/* Crimes against private heaps: each is answered by one line that says what was found. */
#include "crash.h"

#include "buddy/sys.h"

#include <pthread.h>

static struct kmem_heap *heap, *other, *checked, *own, *given;
static char memory[8192];

static void setup(void)
{
	heap = kmem_heap_create("mine", NULL);
	other = kmem_heap_create("other", NULL);
	checked = kmem_heap_create("checked", &(struct kmem_heap_options){.checked = true});
	own = kmem_heap_create("own", &(struct kmem_heap_options){.one_thread = true});
	given = kmem_heap_create(
		"given",
		&(struct kmem_heap_options){.memory = memory, .memory_bytes = sizeof(memory)});
	ck_assert(heap && other && checked && own && given);
}

static void heap_free_victim(void)
{
	kmem_heap_free(heap, victim);
}

static void heap_free_twice(void)
{
	kmem_heap_free(heap, victim);
	kmem_heap_free(heap, victim);
}

START_TEST(a_block_of_another_heap)
{
	setup();
	victim = kmem_heap_alloc(other, 100);
	expect(heap_free_victim,
	       "libkmem: kmem_heap_free: %p is a block of heap 'other', not of 'mine'\n",
	       (void *)victim);
	victim = kmem_heap_alloc(given, 100);
	expect(heap_free_victim,
	       "libkmem: kmem_heap_free: %p is a block of heap 'given', not of 'mine'\n",
	       (void *)victim);
}
END_TEST

static void given_free_victim(void)
{
	kmem_heap_free(given, victim);
}

START_TEST(a_block_of_a_heap_in_one_that_was_given_memory)
{
	setup();
	victim = kmem_heap_alloc(heap, 100);
	expect(given_free_victim,
	       "libkmem: kmem_heap_free: %p is a block of heap 'mine', not of 'given'\n",
	       (void *)victim);
}
END_TEST

START_TEST(what_is_no_block_of_any_heap)
{
	static char data[64];

	setup();
	victim = data;
	expect(heap_free_victim, "libkmem: kmem_heap_free: %p is no block of heap 'mine'\n",
	       (void *)victim);
	victim = kmem_malloc(100);
	expect(heap_free_victim, "libkmem: kmem_heap_free: %p is no block of heap 'mine'\n",
	       (void *)victim);
	victim = kmem_malloc(2 << 20);
	expect(heap_free_victim, "libkmem: kmem_heap_free: %p is no block of heap 'mine'\n",
	       (void *)victim);
}
END_TEST

static void realloc_victim(void)
{
	if (kmem_realloc(victim, 500))
		_exit(3);
}

static void ask_victim(void)
{
	if (kmem_usable_size(victim))
		_exit(3);
}

START_TEST(malloc_is_not_for_it)
{
	setup();
	victim = kmem_heap_alloc(heap, 100);
	expect(free_victim,
	       "libkmem: free: %p is of the program's heap 'mine': use the kmem_heap_ functions\n",
	       (void *)victim);
	expect(realloc_victim,
	       "libkmem: realloc: %p is of the program's heap 'mine': use the kmem_heap_ "
	       "functions\n",
	       (void *)victim);
	expect(ask_victim,
	       "libkmem: usable_size: %p is of the program's heap 'mine': use the kmem_heap_ "
	       "functions\n",
	       (void *)victim);
	victim = kmem_heap_alloc(given, 100);
	expect(free_victim,
	       "libkmem: free: %p is of the program's heap 'given': use the kmem_heap_ functions\n",
	       (void *)victim);
}
END_TEST

START_TEST(a_second_free)
{
	setup();
	victim = kmem_heap_alloc(heap, 100);
	kmem_heap_free(heap, kmem_heap_alloc(heap, 100));
	expect(heap_free_twice,
	       "libkmem: kmem_heap_free: %p in heap 'mine': double free, the block is free "
	       "already\n",
	       (void *)victim);
}
END_TEST

static void heap_free_inside(void)
{
	kmem_heap_free(heap, victim + 32);
}

static void heap_free_odd(void)
{
	kmem_heap_free(heap, victim + 5);
}

START_TEST(an_address_inside_a_block)
{
	setup();
	victim = kmem_heap_zalloc(heap, 100);
	expect(heap_free_inside,
	       "libkmem: kmem_heap_free: %p in heap 'mine': its header was overwritten, or no "
	       "block begins there\n",
	       (void *)(victim + 32));
	expect(heap_free_odd, "libkmem: kmem_heap_free: %p in heap 'mine': no block begins there\n",
	       (void *)(victim + 5));
}
END_TEST

START_TEST(a_block_from_before_a_reset)
{
	setup();
	victim = kmem_heap_alloc(heap, 100);
	victim = kmem_heap_alloc(heap, 100);
	kmem_heap_reset(heap);
	expect(heap_free_victim,
	       "libkmem: kmem_heap_free: %p in heap 'mine': its header was overwritten, or no "
	       "block begins there\n",
	       (void *)victim);
}
END_TEST

static void free_overrun(void)
{
	victim[100] = 1;
	kmem_heap_free(checked, victim);
}

static void free_underrun(void)
{
	victim[-1] = 1;
	kmem_heap_free(checked, victim);
}

static void free_header(void)
{
	memset(victim - 24, 1, 8);
	kmem_heap_free(checked, victim);
}

static void realloc_overrun(void)
{
	victim[107] = 1;
	if (kmem_heap_realloc(checked, victim, 10))
		_exit(3);
}

START_TEST(a_checked_block_knows_its_bounds)
{
	setup();
	victim = kmem_heap_alloc(checked, 100);
	ck_assert_uint_eq(kmem_heap_usable_size(checked, victim), 100);
	expect(free_overrun,
	       "libkmem: kmem_heap_free: %p in heap 'checked': it was written past its end\n",
	       (void *)victim);
	expect(free_underrun,
	       "libkmem: kmem_heap_free: %p in heap 'checked': it was written before its "
	       "beginning\n",
	       (void *)victim);
	expect(free_header,
	       "libkmem: kmem_heap_free: %p in heap 'checked': its header was overwritten, or no "
	       "block begins there\n",
	       (void *)victim);
	expect(realloc_overrun,
	       "libkmem: kmem_heap_realloc: %p in heap 'checked': it was written past its end\n",
	       (void *)victim);
}
END_TEST

static void write_after_free(void)
{
	victim[60] = 1;
	if (kmem_heap_alloc(checked, 100) != victim)
		_exit(3);
}

START_TEST(free_memory_of_a_checked_heap_is_poison)
{
	setup();
	victim = kmem_heap_alloc(checked, 100);
	kmem_heap_free(checked, victim);
	ck_assert_int_eq(victim[60], 0x6b);
	expect(write_after_free,
	       "libkmem: kmem_heap_alloc: heap 'checked': %p was written to while it was free\n",
	       (void *)victim);
}
END_TEST

START_TEST(validate_sees_what_a_checked_heap_knows)
{
	char *freed;

	setup();
	victim = kmem_heap_alloc(checked, 100);
	freed = kmem_heap_alloc(checked, 200);
	ck_assert_ptr_nonnull(kmem_heap_alloc(checked, 100));
	kmem_heap_free(checked, freed);
	ck_assert_ptr_null(kmem_heap_validate(checked));
	victim[100] ^= 1;
	unit_broken(kmem_heap_validate(checked), "H6:");
	victim[100] ^= 1;
	freed[100] ^= 1;
	unit_broken(kmem_heap_validate(checked), "H6:");
	freed[100] ^= 1;
	ck_assert_ptr_null(kmem_heap_validate(checked));
}
END_TEST

/* The last of two spans' blocks is written over when it is free, and then all others are freed. */
static void damage_what_waits_to_be_merged(void)
{
	struct kmem_heap_options options = {.span_bytes = KMEM_HEAP_SPAN_MIN};
	struct kmem_heap *stepped = kmem_heap_create("stepped", &options);
	struct kmem_heap_stats stats = {.size = sizeof(stats)};
	char *blocks[1000];

	kmem_option_set("on_error", "continue");
	for (unsigned i = 0; i < 1000; i++)
		blocks[i] = kmem_heap_alloc(stepped, 100);
	kmem_heap_free(stepped, blocks[999]);
	memset(blocks[999] - 8, 1, 8);
	for (unsigned i = 0; i < 999; i++)
		kmem_heap_free(stepped, blocks[i]);
	kmem_heap_stats(stepped, &stats);
	_exit(stats.spans == 2 && kmem_heap_validate(stepped) ? 42 : 1);
}

START_TEST(a_span_with_a_damaged_block_stays)
{
	struct last_words words = unit_child(damage_what_waits_to_be_merged);

	ck_assert_msg(WIFEXITED(words.status) && WEXITSTATUS(words.status) == 42, "status %#x: %s",
		      (unsigned)words.status, words.text);
	ck_assert_ptr_nonnull(strstr(words.text, "of a block that is free, was overwritten"));
}
END_TEST

static void *use_own(void *unused)
{
	if (kmem_heap_alloc(own, 10))
		_exit(3);
	return unused;
}

static void *use_much_of_own(void *unused)
{
	if (kmem_heap_zalloc(own, 1000000) || errno != EINVAL)
		_exit(3);
	return unused;
}

static void run_in_another_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL))
		_exit(4);
	pthread_join(thread, NULL);
}

static void use_in_another_thread(void)
{
	run_in_another_thread(use_own);
}

static void use_much_in_another_thread(void)
{
	run_in_another_thread(use_much_of_own);
}

START_TEST(a_heap_of_one_thread_in_another)
{
	setup();
	kmem_heap_free(own, kmem_heap_alloc(own, 100));
	expect(use_in_another_thread,
	       "libkmem: kmem_heap_alloc: heap 'own' is of one thread, and this is another\n");
	expect(use_much_in_another_thread,
	       "libkmem: kmem_heap_zalloc: heap 'own' is of one thread, and this is another\n");
}
END_TEST

UNIT_MAIN("private_heap_crimes", a_block_of_another_heap,
	  a_block_of_a_heap_in_one_that_was_given_memory, what_is_no_block_of_any_heap,
	  malloc_is_not_for_it, a_second_free, an_address_inside_a_block,
	  a_block_from_before_a_reset, a_checked_block_knows_its_bounds,
	  free_memory_of_a_checked_heap_is_poison, validate_sees_what_a_checked_heap_knows,
	  a_span_with_a_damaged_block_stays, a_heap_of_one_thread_in_another)
