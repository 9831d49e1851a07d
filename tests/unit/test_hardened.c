// SPDX-License-Identifier: MIT
/* The option hardened: placement, clearing, quarantine, and second frees found at once. */
#include "debug_fixture.h"

#include "lib/stats.h"
#include "slab/hardened.h"
#include "slab/limit.h"

#define N 400u

static void *objects[N];

static void harden(unsigned size, const struct kmem_cache_args *args, slab_flags_t flags)
{
	ck_assert_int_eq(kmem_option_set("hardened", "true"), 0);
	make_args(size, args, flags);
	ck_assert(cache->hardened);
}

static void drained(void)
{
	kmem_cache_shrink(cache);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	finish();
}

START_TEST(places_differ_from_run_to_run)
{
	unsigned nsame = 0, nnext = 0;
	void *first[64];

	harden(64, NULL, 0);
	get_all(objects, 64);
	memcpy(first, objects, sizeof(first));
	put_all(objects, 64);
	kmem_cache_shrink(cache);
	get_all(objects, 64);
	for (unsigned i = 0; i < 64; i++)
		nsame += (uintptr_t)objects[i] % 4096 == (uintptr_t)first[i] % 4096;
	for (unsigned i = 1; i < 64; i++)
		nnext += (char *)objects[i] == (char *)objects[i - 1] + 64;
	ck_assert_uint_lt(nsame, 20);
	ck_assert_uint_lt(nnext, 20);
	put_all(objects, 64);
	drained();
}
END_TEST

START_TEST(all_places_are_used)
{
	static const unsigned sizes[] = {1, 24, 64, 100, 1000, 5000, 40000, 200000};

	for (unsigned s = 0; s < 8; s++) {
		unsigned n;

		harden(sizes[s], NULL, 0);
		n = cache->pub.slab_objects < N ? cache->pub.slab_objects : N;
		get_all(objects, n);
		for (unsigned i = 0; i < n; i++)
			memset(objects[i], 1, sizes[s]);
		if (n == cache->pub.slab_objects)
			ck_assert_uint_eq(cache->pub.nslabs, 1);
		sound();
		put_all(objects, n);
		drained();
	}
}
END_TEST

static bool is_zero(const void *object, unsigned nbytes)
{
	for (unsigned i = 0; i < nbytes; i++)
		if (((const char *)object)[i])
			return false;
	return true;
}

static void nothing(void *object)
{
	(void)object;
}

START_TEST(what_is_freed_is_cleared)
{
	struct kmem_cache_args keep = {.ctor = nothing}, end = {.dtor = nothing};
	char *object;

	harden(200, NULL, 0);
	memset(object = (char *)get(), 1, 200);
	put(object);
	ck_assert(is_zero(object, 200));
	drained();
	harden(200, &keep, 0);
	memset(object = (char *)get(), 1, 200);
	put(object);
	ck_assert(!is_zero(object, 200));
	drained();
	harden(200, &end, 0);
	memset(object = (char *)get(), 1, 200);
	put(object);
	ck_assert(!is_zero(object, 200));
	drained();
}
END_TEST

START_TEST(others_come_before_a_freed_one)
{
	void *object;

	harden(64, NULL, 0);
	put(object = get());
	for (unsigned i = 0; i < QUARANTINE; i++) {
		objects[i] = get();
		require(objects[i] != object);
	}
	/* The first 64 frees of a full quarantine bring out what waited there. */
	ck_assert(!slab_is_home(slab_of(object),
				(uint32_t)slab_index(cache, slab_of(object), object)));
	put_all(objects, QUARANTINE);
	ck_assert(slab_is_home(slab_of(object),
			       (uint32_t)slab_index(cache, slab_of(object), object)));
	drained();
}
END_TEST

static char *victim;

static void free_victim(void)
{
	put(victim);
}

static void free_inside(void)
{
	put(victim + 8);
}

static void free_in_bulk(void)
{
	void *both[] = {victim, victim};

	kmem_cache_free_bulk(cache, 2, both);
}

static void expect_abort(void (*crime)(void), const char *text)
{
	struct last_words words = unit_child(crime);

	if (!unit_aborted(&words) || !strstr(words.text, text) || unit_count(words.text, "\n") != 1)
		ck_abort_msg("'%s' expected, status %#x:\n%s", text, (unsigned)words.status,
			     words.text);
}

START_TEST(crimes_are_found_at_once)
{
	harden(64, NULL, 0);
	get_all(objects, N);
	victim = objects[0];
	expect_abort(free_inside, "interior pointer: ");
	expect_abort(free_in_bulk, "double free: ");
	put(victim);
	expect_abort(free_victim, "double free: "); /* in quarantine */
	for (unsigned i = 1; i < 100; i++)
		put(objects[i]);
	expect_abort(free_victim, "double free: "); /* at home */
	for (unsigned i = 100; i < N; i++)
		put(objects[i]);
	kmem_option_set("on_error", "continue");
	listen();
	free_victim();
	free_victim();
	ck_assert_uint_eq(unit_count(heard(), "double free"), 2);
	drained();
}
END_TEST

START_TEST(trim_shrink_and_destroy_drain)
{
	harden(64, NULL, 0);
	get_all(objects, 30);
	put_all(objects, 30);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_uint_eq(limit_count(cache), 30);
	kmem_trim();
	ck_assert_uint_eq(limit_count(cache), 0);
	get_all(objects, 30);
	put_all(objects, 30);
	ck_assert_int_eq(kmem_cache_shrink(cache), 0);
	ck_assert_uint_eq(limit_count(cache), 0);
	get_all(objects, 30);
	put_all(objects, 30);
	sound();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(limits_are_as_ever)
{
	struct kmem_cache_args args = {.limit_objects = 10};

	for (unsigned turn = 0; turn < 2; turn++) {
		harden(64, turn ? &args : NULL, 0); /* then in the record of the first */
		get_all(objects, 10);
		if (turn)
			require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN));
		put_all(objects, 10);
		if (turn)
			get_all(objects, 10);
		if (turn)
			put_all(objects, 10);
		kmem_cache_shrink(cache);
		finish();
	}
}
END_TEST

static _Atomic unsigned nbuilt, nended;

static void build(void *object)
{
	require(*(char *)object != 0x21);
	memset(object, 0x21, 64);
	nbuilt++;
}

static void end(void *object)
{
	require(*(char *)object == 0x21);
	*(char *)object = 0;
	nended++;
}

START_TEST(constructed_and_destructed_once)
{
	struct kmem_cache_args args = {.ctor = build, .dtor = end};

	harden(64, &args, 0);
	for (unsigned turn = 0; turn < 4; turn++) {
		get_all(objects, N);
		for (unsigned i = 0; i < N; i++)
			require(*(char *)objects[i] == 0x21);
		put_all(objects, N);
	}
	drained();
	ck_assert_uint_ge(nbuilt, N);
	ck_assert_uint_eq(nended, nbuilt);
}
END_TEST

/* Without a constructor only those that were out. */
START_TEST(destructors_see_what_was_out)
{
	struct kmem_cache_args args = {.dtor = end};

	harden(64, &args, 0);
	get_all(objects, 10);
	for (unsigned i = 0; i < 10; i++)
		*(char *)objects[i] = 0x21;
	put_all(objects, 10);
	drained();
	ck_assert_uint_eq(nended, 10);
}
END_TEST

static unsigned depth;

/* Takes objects of its own cache. */
static void build_nested(void *object)
{
	void *others[20];

	require(*(char *)object != 0x21);
	*(char *)object = 0x21;
	if (depth++ == 0) {
		for (unsigned i = 0; i < 20; i++) {
			others[i] = get();
			require(*(char *)others[i] == 0x21);
			*(char *)others[i] = 0x22;
		}
		for (unsigned i = 0; i < 20; i++) {
			require(*(char *)others[i] == 0x22);
			*(char *)others[i] = 0x21;
			put(others[i]);
		}
	}
}

START_TEST(a_constructor_may_use_the_cache)
{
	struct kmem_cache_args args = {.ctor = build_nested};

	harden(64, &args, 0);
	get_all(objects, 200);
	put_all(objects, 200);
	drained();
}
END_TEST

UNIT_MAIN("hardened", places_differ_from_run_to_run, all_places_are_used, what_is_freed_is_cleared,
	  others_come_before_a_freed_one, crimes_are_found_at_once, trim_shrink_and_destroy_drain,
	  limits_are_as_ever, constructed_and_destructed_once, destructors_see_what_was_out,
	  a_constructor_may_use_the_cache)
