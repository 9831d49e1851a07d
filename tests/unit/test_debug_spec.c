// SPDX-License-Identifier: MIT
/* The syntax of KMEM_DEBUG: letters, names, globs, blocks, and what is refused. */
#include "debug_fixture.h"

#define F SLAB_CONSISTENCY_CHECKS
#define Z SLAB_RED_ZONE
#define P SLAB_POISON
#define U SLAB_STORE_USER
#define T SLAB_TRACE

static void expect_flags(const char *spec, const char *name, slab_flags_t flags)
{
	slab_flags_t got;

	listen();
	ck_assert_int_eq(kmem_debug_set(spec), 0);
	ck_assert_str_eq(heard(), "");
	got = debug_spec_flags(name);
	ck_assert_msg(got == flags, "'%s' for %s: %#x, not %#x", spec, name, got, flags);
}

START_TEST(each_letter_is_a_flag)
{
	expect_flags("F", "x", F);
	expect_flags("Z", "x", Z);
	expect_flags("P", "x", P);
	expect_flags("U", "x", U);
	expect_flags("T", "x", T);
	expect_flags("A", "x", SLAB_FAILSLAB);
	expect_flags("O", "x", DEBUG_SPARE);
	expect_flags("fzput", "x", FZPU | T);
	expect_flags("ZZZ", "x", Z);
}
END_TEST

START_TEST(no_letters_are_all)
{
	expect_flags("", "x", FZPU);
	expect_flags("1", "x", FZPU);
	expect_flags(",x", "x", FZPU);
	expect_flags(",x", "y", 0);
	expect_flags("Z;,x", "x", FZPU);
}
END_TEST

START_TEST(a_dash_is_nothing)
{
	expect_flags("-", "x", 0);
	expect_flags("FZ-", "x", 0);
	expect_flags("FZ-P", "x", P);
	expect_flags("FZ;-,x", "x", 0);
	expect_flags("FZ;-,x", "y", F | Z);
}
END_TEST

START_TEST(names_are_whole_unless_globs)
{
	expect_flags("Z,abc", "abc", Z);
	expect_flags("Z,abc", "ab", 0);
	expect_flags("Z,abc", "abcd", 0);
	expect_flags("Z,abc*", "abc", Z);
	expect_flags("Z,abc*", "abcd", Z);
	expect_flags("Z,abc*", "ab", 0);
	expect_flags("Z,*", "anything", Z);
	expect_flags("Z,malloc-*", "malloc-large", Z);
	expect_flags("Z,a,b,c*", "b", Z);
	expect_flags("Z,a,b,c*", "cc", Z);
	expect_flags("Z,a,b,c*", "d", 0);
	expect_flags("Z,a,", "", Z);
}
END_TEST

START_TEST(the_first_block_that_names_it_counts)
{
	expect_flags("Z,a;P,a", "a", Z);
	expect_flags("Z,a*;P,ab", "ab", Z);
	expect_flags("P;Z,a", "a", Z);
	expect_flags("Z,a;P", "a", Z);
	expect_flags("Z,a;P", "b", P);
	expect_flags("P;U", "b", U);
	expect_flags("P;Z,a;U", "b", U);
	expect_flags("P;Z,a;U", "a", Z);
}
END_TEST

START_TEST(empty_blocks_say_nothing)
{
	expect_flags("Z,a;", "a", Z);
	expect_flags("Z,a;", "b", 0);
	expect_flags("F;", "b", F);
	expect_flags(";;F;;Z,a;;", "b", F);
	expect_flags(";;F;;Z,a;;", "a", Z);
	expect_flags(";", "a", 0);
}
END_TEST

START_TEST(unknown_letters_are_named_and_left_out)
{
	listen();
	ck_assert_int_eq(kmem_debug_set("ZQ,xyz;%P,abc"), 0);
	ck_assert_str_eq(heard(), "libkmem: kmem_debug_set: letter 'Q' is not known; ignored\n"
				  "libkmem: kmem_debug_set: letter '%' is not known; ignored\n");
	listen();
	ck_assert_uint_eq(debug_spec_flags("xyz"), Z);
	ck_assert_uint_eq(debug_spec_flags("abc"), P);
	make(64, 0);
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(what_is_too_long_changes_nothing)
{
	char spec[1100] = "Z,";

	expect_flags("P", "x", P);
	memset(spec + 2, 'x', 1022);
	spec[1024] = '\0';
	ck_assert_int_eq(kmem_debug_set(spec), -EINVAL);
	ck_assert_uint_eq(debug_spec_flags("x"), P);
	spec[1023] = '\0';
	ck_assert_int_eq(kmem_debug_set(spec), 0);
	ck_assert_uint_eq(debug_spec_flags(spec + 2), Z);
	ck_assert_uint_eq(debug_spec_flags("x"), 0);
}
END_TEST

START_TEST(caches_made_later_are_debugged)
{
	make(64, 0);
	ck_assert_uint_eq(cache->debug.flags, 0);
	kmem_debug_set("FZ,debug*");
	make(64, 0);
	ck_assert_uint_eq(cache->debug.flags, F | Z);
	ck_assert(!cache->debug.continues);
	make(64, P);
	ck_assert_uint_eq(cache->debug.flags, F | Z | P);
	ck_assert(cache->debug.continues);
}
END_TEST

/* 4096 bytes and a word would need larger slabs, 100 would not. */
START_TEST(spared_where_slabs_would_grow)
{
	uint32_t npages;

	make(4096, 0);
	npages = cache->pub.slab_pages;
	kmem_debug_set("FZPUO");
	make(4096, 0);
	ck_assert_uint_eq(cache->pub.slab_pages, npages);
	ck_assert_uint_eq(cache->debug.flags, F);
	ck_assert_uint_eq(cache->pub.stride, 4096);
	for (unsigned i = 0; i < 100; i++) {
		void *object = get();

		memset(object, 1, 4096);
		put(object);
	}
	finish();
}
END_TEST

UNIT_MAIN("debug_spec", each_letter_is_a_flag, no_letters_are_all, a_dash_is_nothing,
	  names_are_whole_unless_globs, the_first_block_that_names_it_counts,
	  empty_blocks_say_nothing, unknown_letters_are_named_and_left_out,
	  what_is_too_long_changes_nothing, caches_made_later_are_debugged,
	  spared_where_slabs_would_grow)
