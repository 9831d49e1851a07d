// SPDX-License-Identifier: MIT
/* Debugged caches: each kind of damage is found, told in order, repaired; and nothing else is. */
#include "debug_fixture.h"

/* Each byte of an object may be written to, of every size and alignment. */
static void use(unsigned size, unsigned align, slab_flags_t flags)
{
	struct kmem_cache_args args = {.align = align};
	unsigned char *objects[20];

	make_args(size, &args, flags);
	for (unsigned i = 0; i < 20; i++) {
		objects[i] = get();
		require((uintptr_t)objects[i] % (align > 8 ? align : 8) == 0);
		memset(objects[i], (int)i, size);
	}
	sound();
	for (unsigned i = 0; i < 20; i++) {
		require(objects[i][0] == i && objects[i][size - 1] == i);
		put(objects[i]);
	}
	finish();
}

START_TEST(all_sizes_and_alignments)
{
	static const slab_flags_t of[] = {SLAB_CONSISTENCY_CHECKS, SLAB_RED_ZONE, SLAB_POISON,
					  SLAB_STORE_USER, FZPU};

	listen();
	for (unsigned align = 8; align <= 4096; align *= 2)
		for (unsigned size = 1; size <= 5000; size += 1 + unit_below(2 * (align + size)))
			use(size, align, of[unit_below(5)]);
	for (unsigned size = 1; size <= 300; size++)
		use(size, 8, FZPU);
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(large_objects)
{
	static const unsigned sizes[] = {60000, 131072, 200000, 1 << 20, KMEM_CACHE_SIZE_MAX};

	for (unsigned i = 0; i < 5; i++) {
		unsigned char *object, *other;

		make(sizes[i], FZPU);
		object = get();
		other = get();
		memset(object, 7, sizes[i]);
		memset(other, 8, sizes[i]);
		listen();
		object[sizes[i]] = 1;
		put(object);
		expect_bugs(1, "Right Redzone overwritten");
		put(other);
		finish();
	}
}
END_TEST

struct damage {
	slab_flags_t flags;
	int offset; /* from the object, or its end */
	bool from_end, is_free;
	const char *reason; /* NULL: none is seen */
};

static const struct damage damages[] = {
	{SLAB_RED_ZONE, -1, false, false, "Left Redzone overwritten"},
	{SLAB_RED_ZONE, -8, false, false, "Left Redzone overwritten"},
	{SLAB_RED_ZONE, 0, true, false, "Right Redzone overwritten"},
	{SLAB_RED_ZONE, -1, false, true, "Left Redzone overwritten"},
	{SLAB_RED_ZONE, 0, true, true, "Right Redzone overwritten"},
	{SLAB_POISON, 0, false, true, "Poison overwritten"},
	{SLAB_POISON, -2, true, true, "Poison overwritten"},
	{SLAB_POISON, -1, true, true, "End Poison overwritten"},
	{SLAB_RED_ZONE, 0, false, true, NULL},
	{SLAB_POISON, 0, false, false, NULL},
	{SLAB_POISON | SLAB_RED_ZONE, 0, false, false, NULL},
	{SLAB_POISON | SLAB_RED_ZONE, -1, true, false, NULL},
};

static void do_damage(const struct damage *damage, unsigned size)
{
	unsigned char *object, *other;

	make(size, damage->flags);
	object = get();
	if (damage->is_free)
		put(object);
	object[damage->offset + (damage->from_end ? (int)size : 0)] = 0x42;
	listen();
	if (!damage->is_free)
		put(object);
	other = get();
	expect_bugs(damage->reason ? 1 : 0, damage->reason ? damage->reason : "");
	/* Who is damaged at home is not handed out again; the rest is repaired. */
	if (damage->is_free)
		require((other != object) == (damage->reason != NULL));
	ck_assert(damage->is_free == (strstr(said, "set aside") != NULL) || !damage->reason);
	listen();
	put(other);
	sound();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_str_eq(heard(), "");
}

START_TEST(each_damage_is_found_and_repaired)
{
	for (unsigned i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		for (unsigned size = 3; size < 3000; size = size * 3 + 1)
			do_damage(&damages[i], size);
}
END_TEST

START_TEST(padding)
{
	unsigned char *object;

	make(24, SLAB_POISON | SLAB_STORE_USER);
	object = get();
	object[cache->pub.stride - 1] = 1;
	listen();
	put(object);
	expect_bugs(1, "Object padding overwritten");
	finish();
}
END_TEST

START_TEST(pointers_that_are_no_objects_to_free)
{
	unsigned char *object;

	make(100, FZPU);
	object = get();
	listen();
	put(object + 8);
	put(object - 1);
	expect_bugs(2, "Invalid object pointer");
	ck_assert_uint_eq(atomic_load(&cache->used), 1);
	put(object);
	listen();
	put(object);
	expect_bugs(1, "Object already free");
	finish();
}
END_TEST

START_TEST(a_foreign_pointer_in_bulk)
{
	void *objects[2];
	int own;

	make(100, FZPU);
	kmem_option_set("on_error", "continue");
	objects[0] = get();
	objects[1] = &own;
	listen();
	kmem_cache_free_bulk(cache, 2, objects);
	ck_assert_ptr_nonnull(strstr(heard(), "foreign pointer"));
	finish();
}
END_TEST

static void construct(void *object)
{
	memset(object, 0x33, 40);
}

START_TEST(what_is_left_dirty)
{
	struct kmem_cache_args args = {.ctor = construct};
	unsigned char *object;

	make_args(40, &args, FZPU);
	object = get();
	require(object[0] == 0x33 && object[39] == 0x33);
	object[7] = 1;
	object[7] = 0x33;
	listen();
	put(object);
	ck_assert_str_eq(heard(), "");
	object = get();
	object[39] = 1;
	listen();
	put(object);
	expect_bugs(1, "Object left dirty");
	object = get();
	require(object[39] == 0x33);
	put(object);
	object[3] = 9;
	listen();
	put(get());
	expect_bugs(1, "Object changed after it was freed");
	sound();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static unsigned nended;

static void end(void *object)
{
	require(*(unsigned *)object == 0xfeed);
	nended++;
}

/* Its state is the destructor's. */
START_TEST(what_a_destructor_sees)
{
	struct kmem_cache_args args = {.dtor = end};
	void *objects[10];

	make_args(40, &args, FZPU);
	for (unsigned i = 0; i < 10; i++)
		*(unsigned *)(objects[i] = get()) = 0xfeed;
	for (unsigned i = 0; i < 10; i++)
		put(objects[i]);
	listen();
	finish();
	ck_assert_str_eq(heard(), "");
	ck_assert_uint_eq(nended, 10);
}
END_TEST

START_TEST(a_report_is_in_order)
{
	static const char *const texts[] = {
		" @offset=",	 ". First byte 0x42 instead of 0xcc\n",
		"====",		 "BUG debugged: Right Redzone overwritten\n",
		"----",		 "Allocated age=",
		" pid=",	 "Slab 0x",
		" objects=",	 " used=1\n",
		"Object 0x",	 " @offset=",
		"Redzone  0x",	 ": cc cc cc cc",
		"Object   0x",	 ": 11 11 11 11",
		"Redzone  0x",	 ": 42 cc cc cc",
		"Padding  0x",	 ": 5a 5a 5a 5a",
		"CPU: ",	 " PID: ",
		"Call Trace:\n", "FIX debugged: Restoring Right Redzone 0x",
		"=0xcc\n",
	};
	unsigned char *object;

	make(64, FZPU);
	object = get();
	memset(object, 0x11, 64);
	object[64] = 0x42;
	listen();
	put(object);
	heard();
	expect_order(texts, sizeof(texts) / sizeof(texts[0]));
	ck_assert_ptr_null(strstr(said, "Freed "));
	finish();
}
END_TEST

START_TEST(a_second_free_says_who_was_first)
{
	static const char *const texts[] = {"BUG debugged: Object already free\n", "Allocated ",
					    "Freed ", "FIX debugged: Object at 0x"};
	void *object;

	make(64, FZPU);
	put(object = get());
	listen();
	put(object);
	heard();
	expect_order(texts, 4);
	finish();
}
END_TEST

START_TEST(destroy_says_who_allocated_what_lives)
{
	static const char *const texts[] = {"is still live\n", "Allocated age=", "is still live\n",
					    "Allocated age="};
	void *objects[3];

	make(64, SLAB_STORE_USER);
	for (unsigned i = 0; i < 3; i++)
		objects[i] = get();
	put(objects[2]);
	listen();
	ck_assert_int_eq(kmem_cache_destroy(cache), -EBUSY);
	heard();
	expect_order(texts, 4);
	put(objects[0]);
	put(objects[1]);
	finish();
}
END_TEST

START_TEST(an_address_is_explained)
{
	unsigned char *object;

	make(64, FZPU);
	object = get();
	listen();
	require(kmem_dump_obj(object + 3));
	require(kmem_dump_obj(object - 3));
	heard();
	ck_assert_uint_eq(unit_count(said, " is 3 bytes into object 0x"), 1);
	ck_assert_uint_eq(unit_count(said, " is 3 bytes before object 0x"), 1);
	ck_assert_uint_eq(unit_count(said, "Allocated "), 2);
	put(object);
	finish();
}
END_TEST

static unsigned char *victim;

static void overrun(void)
{
	victim[64] = 1;
	put(victim);
}

static void overrun_and_go_on(void)
{
	kmem_option_set("on_error", "continue");
	overrun();
	put(get());
}

static void overrun_strictly(void)
{
	kmem_option_set("on_error", "abort");
	overrun();
}

START_TEST(who_asked_for_it_says_whether_to_go_on)
{
	struct last_words words;

	make(64, FZPU);
	victim = get();
	ck_assert_int_eq(unit_child(overrun).status, 0);
	words = unit_child(overrun_strictly);
	ck_assert(unit_aborted(&words));
	put(victim);
	finish();
	kmem_debug_set("FZPU");
	make(64, 0);
	victim = get();
	words = unit_child(overrun);
	ck_assert(unit_aborted(&words));
	ck_assert_int_eq(unit_child(overrun_and_go_on).status, 0);
}
END_TEST

UNIT_MAIN("debug", all_sizes_and_alignments, large_objects, each_damage_is_found_and_repaired,
	  padding, pointers_that_are_no_objects_to_free, a_foreign_pointer_in_bulk,
	  what_is_left_dirty, what_a_destructor_sees, a_report_is_in_order,
	  a_second_free_says_who_was_first, destroy_says_who_allocated_what_lives,
	  an_address_is_explained, who_asked_for_it_says_whether_to_go_on)
