// SPDX-License-Identifier: MIT
/*
 * Every system call fails in turn: a scenario that uses all layers runs once for each
 * N with the Nth call refused, and once with all calls from the Nth on, until none is
 * refused any more. Requests may fail with ENOMEM; nothing else may happen: contents stay,
 * invariants hold, and at the end everything can be given back.
 */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "lib/front.h"
#include "lib/stats.h"

#include <kmem.h>
#include <pthread.h>

#define NCACHES		170u /* passes id 256, where slots are committed anew */
#define NOBJECTS	300u
#define NSIZES		(sizeof(sizes) / sizeof(sizes[0]))
#define NOTHING_REFUSED 3

static const size_t sizes[] = {1, 3000, 20000, 40000, 150000, 500000, 1100000, 40000000};

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* From mark to mark: enough of them to see a page lost or moved, few enough to be quick. */
static size_t stride(size_t nbytes)
{
	return nbytes > 4u << 20 ? 1u << 20 : nbytes > 65536 ? 16384 : 512;
}

static unsigned char value(size_t i, unsigned char tag)
{
	return (unsigned char)(tag + i / 512 + (i >> 20));
}

static void mark(unsigned char *block, size_t nbytes, unsigned char tag)
{
	for (size_t i = 0; i < nbytes; i += stride(nbytes))
		block[i] = value(i, tag);
}

static void require_marks(const unsigned char *block, size_t nbytes, size_t upto, unsigned char tag)
{
	for (size_t i = 0; i < upto; i += stride(nbytes))
		REQUIRE(block[i] == value(i, tag));
}

static void require_zero(const unsigned char *block, size_t nbytes)
{
	for (size_t i = 0; i<nbytes; i += nbytes> 1u << 20 ? 16384 : 1)
		REQUIRE(block[i] == 0);
}

static void build(void *object)
{
	memset(object, 0x5a, 48);
}

/* Objects of a cache, each in its constructed state; as many as there is memory for. */
static void use_cache(struct kmem_cache *cache)
{
	void *objects[NOBJECTS];
	unsigned n = 0;

	for (unsigned i = 0; i < NOBJECTS; i++) {
		errno = 0;
		objects[n] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (objects[n]) {
			REQUIRE(*(unsigned char *)objects[n] == 0x5a);
			mark(objects[n++], 48, (unsigned char)i);
		} else {
			REQUIRE(errno == ENOMEM);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		memset(objects[i], 0x5a, 48);
		kmem_cache_free(cache, objects[i]);
	}
}

static void use_caches(void)
{
	struct kmem_cache *caches[NCACHES];

	for (unsigned i = 0; i < NCACHES; i++) {
		errno = 0;
		caches[i] = kmem_cache_create("faults", 48, 0, SLAB_NOWARN, build);
		REQUIRE(caches[i] || errno == ENOMEM);
	}
	for (unsigned i = 0; i < NCACHES; i += NCACHES - 1)
		if (caches[i])
			use_cache(caches[i]);
	for (unsigned i = 0; i < NCACHES; i++)
		if (caches[i])
			REQUIRE(kmem_cache_destroy(caches[i]) == 0);
}

/* To another size: if refused, block and content are as they were. */
static unsigned char *resize(unsigned char *block, size_t *nbytes, size_t goal, unsigned char tag)
{
	unsigned char *moved;

	errno = 0;
	moved = kmem_realloc(block, goal);
	require_marks(moved ? moved : block, *nbytes, goal < *nbytes ? goal : *nbytes, tag);
	if (!moved) {
		REQUIRE(errno == ENOMEM);
		return block;
	}
	*nbytes = goal;
	mark(moved, goal, tag);
	return moved;
}

static void use_block(size_t nbytes, unsigned char tag)
{
	unsigned char *block, *zeros;

	errno = 0;
	block = tag % 2 ? kmem_malloc(nbytes) : kmem_aligned_alloc(64, nbytes);
	REQUIRE(block || errno == ENOMEM);
	zeros = kmem_calloc(1, nbytes);
	REQUIRE(zeros || errno == ENOMEM);
	if (zeros)
		require_zero(zeros, nbytes);
	if (block) {
		mark(block, nbytes, tag);
		block = resize(block, &nbytes, nbytes * 2, tag);
		block = resize(block, &nbytes, nbytes * 3, tag);
		block = resize(block, &nbytes, nbytes / 2 + 1, tag);
		require_marks(block, nbytes, nbytes, tag);
	}
	kmem_free(zeros);
	kmem_free(block);
}

static void use_pages(void)
{
	void *pages = kmem_pages_alloc(3, GFP_KERNEL | __GFP_ZERO);

	REQUIRE(pages || errno == ENOMEM);
	if (pages)
		require_zero(pages, 8 * KMEM_PAGE_SIZE);
	kmem_pages_free(pages);
}

static void *use_sizes(void *unused)
{
	for (size_t i = 0; i < NSIZES; i++)
		use_block(sizes[i], (unsigned char)i);
	use_pages();
	return unused;
}

/* All memory is home and every invariant holds. */
static void require_all_home(void)
{
	uint64_t used = 0;
	struct heap *heap;

	kmem_trim();
	for (unsigned id = ID_FIRST; id < cache_ids(); id++) {
		struct kmem_cache *cache = cache_of(id);

		if (!cache || !cache->pub.id)
			continue;
		REQUIRE(cache_check(cache) == NULL);
		REQUIRE(cache_stats(cache).active == 0);
		used += (uint64_t)cache->pub.nslabs * cache->pub.slab_pages;
	}
	for (unsigned i = 0; (heap = front_heap(i)); i++) {
		REQUIRE(heap_validate(heap) == NULL);
		REQUIRE(heap->pub.live_blocks == 0);
		used += heap->pub.span_bytes >> PAGE_SHIFT;
	}
	REQUIRE(buddy_check() == NULL);
	for_each_zone (zone)
		used -= zone->pub.committed - zone->pub.dirty - zone->pub.clean;
	REQUIRE(used == 0);
	REQUIRE(root_record.mapped_bytes == 0);
}

/* With all calls granted again nothing is refused. */
static void require_granted(void)
{
	for (size_t i = 0; i < NSIZES; i++) {
		void *block = kmem_malloc(sizes[i]);

		REQUIRE(block);
		kmem_free(block);
	}
	require_all_home();
}

static void scenario(void)
{
	pthread_t thread;

	use_caches();
	use_sizes(NULL);
	kmem_trim();
	if (pthread_create(&thread, NULL, use_sizes, NULL) == 0)
		pthread_join(thread, NULL);
	faults_end();
	require_all_home();
	require_granted();
	_exit(faults.nrefused ? 0 : NOTHING_REFUSED);
}

static unsigned long first, last;

static void scenario_with_faults(void)
{
	faults_begin(first, last);
	scenario();
}

/* Under ThreadSanitizer, which takes ten times as long, one in three: others each time. */
static const unsigned long step = UNDER_TSAN ? 3 : 1;

/* The first call of the run that saw no refusal. */
static unsigned long sweep(unsigned long length)
{
	for (first = 1 + unit_below(step);; first += step) {
		struct last_words words;

		last = length ? first + length - 1 : ~0ul;
		words = unit_child(scenario_with_faults);
		if (WIFEXITED(words.status) && WEXITSTATUS(words.status) == NOTHING_REFUSED)
			return first;
		ck_assert_msg(words.status == 0, "call %lu refused: status %#x, %s", first,
			      (unsigned)words.status, words.text);
	}
}

START_TEST(each_call_refused_in_turn)
{
	ck_assert_uint_gt(sweep(1), 40);
}
END_TEST

START_TEST(three_calls_in_a_row_refused)
{
	ck_assert_uint_gt(sweep(3), 40);
}
END_TEST

START_TEST(all_calls_refused_from_one_on)
{
	ck_assert_uint_gt(sweep(0), 40);
}
END_TEST

static enum fault_kind kind;

static void scenario_without_a_kind(void)
{
	faults_refuse(kind);
	scenario();
}

START_TEST(all_calls_of_one_kind_refused)
{
	for (kind = 0; kind < FAULT_KINDS; kind++) {
		struct last_words words = unit_child(scenario_without_a_kind);

		ck_assert_msg(words.status == 0, "kind %d refused: status %#x, %s", (int)kind,
			      (unsigned)words.status, words.text);
	}
}
END_TEST

/* Where memory is short for long, failing must cost none. */
START_TEST(refusals_use_up_no_records)
{
	uint64_t before;

	kmem_free(kmem_malloc((size_t)2 << 20));
	faults_refuse(FAULT_MMAP);
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_null(kmem_malloc((size_t)1 << 30));
	before = root_record.meta_bytes;
	for (int i = 0; i < 2000; i++)
		ck_assert_ptr_null(kmem_pages_alloc(14, GFP_KERNEL));
	faults_end();
	ck_assert_uint_eq(root_record.meta_bytes, before);
}
END_TEST

UNIT_MAIN("faults", each_call_refused_in_turn, three_calls_in_a_row_refused,
	  all_calls_refused_from_one_on, all_calls_of_one_kind_refused, refusals_use_up_no_records)
