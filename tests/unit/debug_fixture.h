/* SPDX-License-Identifier: MIT */
/* Debugged caches whose reports are caught: what is written to standard error by an act. */
#ifndef TESTS_UNIT_DEBUG_FIXTURE_H
#define TESTS_UNIT_DEBUG_FIXTURE_H

#include "unit.h"

#include "slab/debug.h"
#include "slab/debug_spec.h"
#include "slab/marks.h"

#include <fcntl.h>
#include <kmem.h>
#include <kmem/debug.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define FZPU (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)

static struct kmem_cache *cache;
static char said[1 << 16]; /* by the last act */

static inline void make_args(unsigned size, const struct kmem_cache_args *args, slab_flags_t flags)
{
	setenv("KMEM_SYMBOLS", "", 1); /* reports are quick without */
	cache = kmem_cache_create_args("debugged", size, args, flags);
	ck_assert_ptr_nonnull(cache);
}

static inline void make(unsigned size, slab_flags_t flags)
{
	make_args(size, NULL, flags);
}

static inline unsigned char *get(void)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	require(object);
	return object;
}

static inline void put(void *object)
{
	kmem_cache_free(cache, object);
}

static inline void get_all(void **objects, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		objects[i] = get();
}

static inline void put_all(void *const *objects, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put(objects[i]);
}

static int words_fd, stderr_fd;

static inline void listen(void)
{
	words_fd = memfd_create("words", 0);
	ck_assert_int_ge(words_fd, 0);
	fflush(stderr);
	stderr_fd = dup(STDERR_FILENO);
	dup2(words_fd, STDERR_FILENO);
}

static inline const char *heard(void)
{
	ssize_t n;

	dup2(stderr_fd, STDERR_FILENO);
	close(stderr_fd);
	n = pread(words_fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	close(words_fd);
	return said;
}

/* So many reports, each with this in its BUG line. */
static inline void expect_bugs(unsigned n, const char *reason)
{
	const char *text = heard();

	if (unit_count(text, "BUG ") != n || (n && unit_count(text, reason) < n))
		ck_abort_msg("%u reports of '%s' expected:\n%s", n, reason, text);
}

/* The texts stand in the words in this order. */
static inline void expect_order(const char *const *texts, size_t n)
{
	const char *at = said;

	for (size_t i = 0; i < n; i++) {
		at = strstr(at, texts[i]);
		if (!at)
			ck_abort_msg("'%s' is missing, or too early:\n%s", texts[i], said);
		at += strlen(texts[i]);
	}
}

static inline void sound(void)
{
	const char *wrong = kmem_cache_validate(cache);

	if (wrong)
		ck_abort_msg("%s\n%s", wrong, said);
}

/* Nothing is left, and nothing was said. */
static inline void finish(void)
{
	sound();
	ck_assert_uint_eq(atomic_load(&cache->used), 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

#endif
