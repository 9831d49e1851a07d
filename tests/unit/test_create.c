// SPDX-License-Identifier: MIT
/* The kernel's forms of kmem_cache_create, what args and flags they take, and what they refuse. */
#include "unit.h"

#include "lib/stats.h"
#include "slab/sheaf.h"
#include "slab/thread.h"

#include <kmem.h>

struct point {
	_Alignas(32) double x;
	double y;
	char name[40];
};

static unsigned nbuilt;

static void build(void *object)
{
	nbuilt++;
	memset(object, 0x5a, 24);
}

/* It hands out objects of so many bytes, aligned so, and goes. */
static void expect(struct kmem_cache *cache, const char *name, unsigned size, size_t align)
{
	unsigned char *objects[40];

	ck_assert_ptr_nonnull(cache);
	ck_assert_str_eq(kmem_cache_name(cache), name);
	ck_assert_uint_eq(kmem_cache_size(cache), size);
	for (unsigned i = 0; i < 40; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		require(objects[i] && (uintptr_t)objects[i] % align == 0);
		require(!cache->ctor || objects[i][23] == 0x5a);
		memset(objects[i], (int)i, size);
	}
	for (unsigned i = 0; i < 40; i++) {
		require(objects[i][0] == i && objects[i][size - 1] == i);
		kmem_cache_free(cache, objects[i]);
	}
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

START_TEST(both_forms_by_their_third_argument)
{
	struct kmem_cache_args args = {.align = 128, .ctor = build};
	const struct kmem_cache_args *constant = &args;
	unsigned align = 16;

	expect(kmem_cache_create("old", 24, 0, 0, NULL), "old", 24, 8);
	expect(kmem_cache_create("old", 24, align, 0, NULL), "old", 24, 16);
	ck_assert_uint_eq(nbuilt, 0);
	expect(kmem_cache_create("old", 24, 64, 0, build), "old", 24, 64);
	ck_assert_uint_gt(nbuilt, 0);
	nbuilt = 0;
	expect(kmem_cache_create("new", 24, &args, 0), "new", 24, 128);
	ck_assert_uint_gt(nbuilt, 0);
	expect(kmem_cache_create("new", 24, constant, 0), "new", 24, 128);
}
END_TEST

START_TEST(no_args_are_all_defaults)
{
	struct kmem_cache *(*old)(const char *, unsigned, unsigned, slab_flags_t, void (*)(void *));
	struct kmem_cache_args none = {.align = 0};

	expect(kmem_cache_create("null", 24, NULL, 0), "null", 24, 8);
	expect(kmem_cache_create_args("null", 24, NULL, 0), "null", 24, 8);
	expect(kmem_cache_create("none", 24, &none, 0), "none", 24, 8);
	old = kmem_cache_create; /* the function, by its name alone */
	expect(old("old", 24, 32, 0, NULL), "old", 24, 32);
}
END_TEST

START_TEST(name_and_args_are_copied)
{
	struct kmem_cache_args args = {.align = 64};
	char name[] = "copied";
	struct kmem_cache *cache = kmem_cache_create(name, 24, &args, 0);

	memset(name, 'x', sizeof(name) - 1);
	memset(&args, 0xff, sizeof(args));
	expect(cache, "copied", 24, 64);
}
END_TEST

START_TEST(a_cache_named_after_a_struct)
{
	expect(KMEM_CACHE(point, 0), "point", sizeof(struct point), 32);
	expect(KMEM_CACHE(point, SLAB_HWCACHE_ALIGN), "point", sizeof(struct point), 64);
}
END_TEST

START_TEST(the_form_with_a_part_for_user_space)
{
	expect(kmem_cache_create_usercopy("copy", 64, 16, 0, 0, 64, NULL), "copy", 64, 16);
	expect(kmem_cache_create_usercopy("copy", 64, 0, 0, 60, 4, build), "copy", 64, 8);
	ck_assert_uint_gt(nbuilt, 0);
	expect(kmem_cache_create_usercopy("copy", 64, 0, 0, 0, 0, NULL), "copy", 64, 8);
}
END_TEST

/* Refused, by one line that ends with the size and alignment; nothing is left behind. */
static struct {
	unsigned size;
	struct kmem_cache_args args;
	slab_flags_t flags;
} wrong;

static void create_wrong(void)
{
	struct kmem_cache *before = kmem_cache_create("before", 8, NULL, 0), *after;

	kmem_cache_destroy(before);
	errno = 0;
	if (kmem_cache_create("wrong", wrong.size, &wrong.args, wrong.flags) || errno != EINVAL)
		_exit(1);
	after = kmem_cache_create("after", 8, NULL, 0);
	if (after != before)
		_exit(2); /* its record is still in use */
}

static void expect_wrong(const char *why)
{
	struct last_words words = unit_child(create_wrong);
	char line[200];

	ck_assert_int_eq(words.status, 0);
	snprintf(line, sizeof(line),
		 "libkmem: kmem_cache_create: cache 'wrong': %s (size %u, align %u)\n", why,
		 wrong.size, wrong.args.align);
	ck_assert_str_eq(words.text, line);
	wrong.flags |= SLAB_NOWARN;
	words = unit_child(create_wrong);
	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text, "");
	wrong.flags &= ~SLAB_NOWARN;
}

static void refuse_args(struct kmem_cache_args args, const char *why)
{
	wrong.size = 64;
	wrong.args = args;
	expect_wrong(why);
}

static void refuse_flags(slab_flags_t flags, const char *why)
{
	wrong.size = 64;
	wrong.args = (struct kmem_cache_args){.align = 0};
	wrong.flags = flags;
	expect_wrong(why);
}

START_TEST(a_part_for_user_space_beyond_the_object)
{
	static const char *why = "useroffset and usersize reach beyond the object";

	refuse_args((struct kmem_cache_args){.usersize = 65}, why);
	refuse_args((struct kmem_cache_args){.useroffset = 65}, why);
	refuse_args((struct kmem_cache_args){.useroffset = 60, .usersize = 5}, why);
	refuse_args((struct kmem_cache_args){.useroffset = 8, .usersize = UINT32_MAX - 4}, why);
	refuse_args((struct kmem_cache_args){.useroffset = UINT32_MAX, .usersize = 8}, why);
}
END_TEST

START_TEST(a_free_pointer_beyond_the_object)
{
	struct kmem_cache_args args = {.freeptr_offset = 56, .use_freeptr_offset = true};

	expect(kmem_cache_create("freeptr", 64, &args, 0), "freeptr", 64, 8);
	args.freeptr_offset = 57;
	refuse_args(args, "freeptr_offset reaches beyond the object");
	args.freeptr_offset = UINT32_MAX;
	refuse_args(args, "freeptr_offset reaches beyond the object");
	args.use_freeptr_offset = false;
	expect(kmem_cache_create("freeptr", 64, &args, 0), "freeptr", 64, 8);
}
END_TEST

START_TEST(sheaves_too_large)
{
	refuse_args((struct kmem_cache_args){.sheaf_capacity = 256},
		    "sheaf_capacity is more than 255");
	refuse_args((struct kmem_cache_args){.sheaf_capacity = UINT32_MAX},
		    "sheaf_capacity is more than 255");
}
END_TEST

START_TEST(limits_that_no_object_fits)
{
	struct kmem_cache_args args = {.limit_bytes = 64, .reserve_objects = 1};

	expect(kmem_cache_create_args("whole", 64, &(struct kmem_cache_args){.limit_bytes = 2560},
				      0),
	       "whole", 64, 8);
	refuse_args((struct kmem_cache_args){.limit_bytes = 63},
		    "limit_bytes is less than an object");
	/* Padding counts. */
	refuse_args((struct kmem_cache_args){.limit_bytes = 64, .align = 128},
		    "limit_bytes is less than an object");
	ck_assert_int_eq(kmem_cache_destroy(kmem_cache_create("all", 64, &args, 0)), 0);
	refuse_args((struct kmem_cache_args){.limit_bytes = 127, .reserve_objects = 2},
		    "reserve_objects is more than the limit");
	refuse_args((struct kmem_cache_args){.limit_objects = 5, .reserve_objects = 6},
		    "reserve_objects is more than the limit");
	refuse_args((struct kmem_cache_args){.reserve_objects = 1},
		    "reserve_objects is more than the limit");
}
END_TEST

START_TEST(an_alignment_that_is_none)
{
	refuse_args((struct kmem_cache_args){.align = 24},
		    "align is not a power of two up to 4096");
	refuse_args((struct kmem_cache_args){.align = 8192},
		    "align is not a power of two up to 4096");
}
END_TEST

START_TEST(flags_that_are_unknown_or_cannot_be)
{
	refuse_flags(0x8000, "flags has unknown bits");
	refuse_flags(0x80000000, "flags has unknown bits");
	refuse_flags(SLAB_HWCACHE_ALIGN | 0x40000, "flags has unknown bits");
	refuse_flags(SLAB_TYPESAFE_BY_RCU,
		     "SLAB_TYPESAFE_BY_RCU needs libkmem-rcu, which is not there");
	refuse_flags(SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT,
		     "SLAB_TYPESAFE_BY_RCU needs libkmem-rcu, which is not there");
}
END_TEST

START_TEST(flags_that_are_accepted)
{
	static const slab_flags_t flags[] = {SLAB_HWCACHE_ALIGN,   SLAB_PANIC,
					     SLAB_RECLAIM_ACCOUNT, SLAB_TEMPORARY,
					     SLAB_ACCOUNT,	   SLAB_NO_MERGE,
					     SLAB_NOLEAKTRACE,	   SLAB_NO_USER_FLAGS,
					     SLAB_SKIP_KFENCE,	   SLAB_CONSISTENCY_CHECKS,
					     SLAB_RED_ZONE,	   SLAB_POISON,
					     SLAB_STORE_USER,	   SLAB_TRACE,
					     SLAB_FAILSLAB,	   SLAB_NOWARN,
					     SLAB_NOWAIT};
	slab_flags_t all = 0;

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		expect(kmem_cache_create("flag", 40, NULL, flags[i]), "flag", 40, 8);
		all |= flags[i];
	}
	expect(kmem_cache_create("flags", 40, NULL, all), "flags", 40, 64);
}
END_TEST

static void create_or_panic(void)
{
	kmem_cache_create("panic", 64, 24, SLAB_PANIC, NULL);
}

START_TEST(panic_aborts_with_a_line)
{
	struct last_words words = unit_child(create_or_panic);

	ck_assert(unit_aborted(&words));
	ck_assert_str_eq(words.text, "libkmem: kmem_cache_create: cache 'panic': align is not a "
				     "power of two up to 4096 (size 64, align 24)\n");
}
END_TEST

/* What the thread's sheaf holds after the first allocation. */
static unsigned first_sheaf(unsigned size, unsigned capacity)
{
	struct kmem_cache_args args = {.sheaf_capacity = capacity};
	struct kmem_cache *cache = kmem_cache_create("sheaf", size, &args, 0);
	unsigned holds;

	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	holds = (unsigned)(thread_slot(thread_self(), cache->id)->mask / sizeof(void *));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	return holds;
}

START_TEST(sheaves_have_the_capacity_asked_for)
{
	static const unsigned capacities[] = {1, 15, 16, 31, 32, 100, 128, 255};
	unsigned first = first_sheaf(3000, 0);

	ck_assert_uint_lt(first, 16);
	for (unsigned i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		ck_assert_uint_ge(first_sheaf(3000, capacities[i]), capacities[i]);
		ck_assert_uint_ge(first_sheaf(16, capacities[i]), capacities[i]);
		ck_assert_uint_ge(first_sheaf(100000, capacities[i]), capacities[i]);
	}
	/* The next cache in the same record is as any other. */
	ck_assert_uint_eq(first_sheaf(3000, 0), first);
}
END_TEST

UNIT_MAIN("create", both_forms_by_their_third_argument, no_args_are_all_defaults,
	  name_and_args_are_copied, a_cache_named_after_a_struct,
	  the_form_with_a_part_for_user_space, a_part_for_user_space_beyond_the_object,
	  a_free_pointer_beyond_the_object, sheaves_too_large, limits_that_no_object_fits,
	  an_alignment_that_is_none, flags_that_are_unknown_or_cannot_be, flags_that_are_accepted,
	  panic_aborts_with_a_line, sheaves_have_the_capacity_asked_for)
