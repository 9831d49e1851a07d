// SPDX-License-Identifier: MIT
/* kmem/stats.h: all statistics say the same, to the byte, in every version's struct and in print.
 */
#include "unit.h"

#include "lib/stats.h"

#include <fcntl.h>
#include <kmem.h>
#include <pthread.h>
#include <sys/ioctl.h>

#define MIB ((size_t)1 << 20)

static struct kmem_cache *cache;
static void *objects[3000];

/* Some of all there is, in use, in sheaves and free. */
static void use_all_kinds(void)
{
	static const size_t sizes[] = {1, 100, 5000, 40000, 60000, 100000, 3 * MIB};

	cache = kmem_cache_create("all \"kinds\\ <&'>", 100, 0, 0, NULL);
	for (unsigned i = 0; i < 3000; i++)
		require((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)));
	for (unsigned i = 0; i < 1000; i++)
		kmem_cache_free(cache, objects[i]);
	for (unsigned i = 0; i < 140; i++) {
		void *block = kmem_malloc(sizes[i / 2 % 7]);

		require(block);
		if (i % 2)
			kmem_free(block);
	}
	require(kmem_malloc(80 * MIB) && kmem_pages_alloc_exact(5 * KMEM_PAGE_SIZE, GFP_KERNEL));
}

static struct kmem_stats totals(void)
{
	struct kmem_stats stats = {.size = sizeof(stats)};

	ck_assert_int_eq(kmem_stats_read(&stats), 0);
	ck_assert_uint_eq(stats.size, sizeof(stats));
	return stats;
}

/* What is printed, in memory of its own. */
static char *printed(enum kmem_stats_format format)
{
	static char text[1 << 20];
	FILE *file = tmpfile();
	size_t n;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(kmem_stats_print(fileno(file), format), 0);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void expect_in(const char *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void expect_in(const char *text, const char *format, ...)
{
	char piece[600];
	va_list args;

	va_start(args, format);
	vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	ck_assert_msg(strstr(text, piece), "%s, not in: %s", piece, text);
}

START_TEST(sums_are_those_of_the_parts)
{
	struct kmem_cache_stats one = {.size = sizeof(one)};
	uint64_t slabs = 0, active = 0, parked = 0, ncaches = 0;
	struct kmem_stats stats;

	use_all_kinds();
	stats = totals();
	for (unsigned id = 0; (id = kmem_cache_stats_next(id, &one)); ncaches++) {
		ck_assert_uint_eq(id, one.id);
		ck_assert_uint_eq(one.objects, one.slabs * one.slab_objects);
		ck_assert_uint_le(one.active + one.parked, one.objects);
		slabs += one.slabs * one.slab_bytes;
		active += one.active * one.stride;
		parked += one.parked * one.stride;
	}
	ck_assert_uint_eq(stats.caches, ncaches);
	ck_assert_uint_eq(stats.slab_bytes, slabs);
	ck_assert_uint_eq(stats.slab_active_bytes, active);
	ck_assert_uint_eq(stats.slab_parked_bytes, parked);
	/* Of each size ten. */
	ck_assert_uint_eq(stats.span_active_bytes, 10 * (40960 + 61440));
	ck_assert_uint_eq(stats.mapped_bytes, 80 * MIB);
	ck_assert_uint_ge(stats.run_bytes, 10 * 100000 + 10 * 3 * MIB + 5 * KMEM_PAGE_SIZE);
	ck_assert_uint_le(stats.run_bytes, 10 * 114688 + 10 * 3 * MIB + 5 * KMEM_PAGE_SIZE);
	ck_assert_uint_eq(stats.committed_bytes, stats.dirty_bytes + stats.clean_bytes +
							 stats.slab_bytes + stats.span_bytes +
							 stats.run_bytes + stats.run_parked_bytes);
	ck_assert_uint_eq(stats.used_bytes, stats.slab_active_bytes + stats.span_active_bytes +
						    stats.run_bytes + stats.mapped_bytes);
	ck_assert_uint_eq(stats.limit_used_bytes, kmem_limit_usage());
	ck_assert_uint_eq(stats.threads, 1);
}
END_TEST

static void print_malloc_stats(void)
{
	kmem_malloc_stats();
}

START_TEST(all_of_them_say_the_same)
{
	struct kmem_cache_stats one = {.size = sizeof(one)};
	struct last_words words;
	struct kmem_stats stats;
	struct mallinfo2 info;
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	use_all_kinds();
	stats = totals();
	info = kmem_mallinfo2();
	ck_assert_uint_eq(info.uordblks, stats.used_bytes);
	ck_assert_uint_eq(info.arena, stats.committed_bytes);
	ck_assert_uint_eq(info.hblks, stats.zones);
	ck_assert_uint_eq(info.hblkhd, stats.mapped_bytes);
	ck_assert_uint_eq(info.fsmblks, stats.slab_parked_bytes);
	ck_assert_uint_eq(info.keepcost, stats.dirty_bytes);
	ck_assert_uint_eq(info.fordblks + info.uordblks, info.arena + info.hblkhd);
	ck_assert_int_eq(kmem_malloc_info(0, stream), 0);
	fclose(stream);
	expect_in(text, "<total type=\"used\" size=\"%zu\"/>", (size_t)stats.used_bytes);
	expect_in(text, "<total type=\"slabs\" size=\"%zu\"/>", (size_t)stats.slab_bytes);
	ck_assert_int_eq(kmem_cache_stats(cache, &one), 0);
	expect_in(text,
		  "<cache name=\"all &#34;kinds\\ &#60;&#38;&#39;&#62;\" size=\"104\" "
		  "objects=\"2000\" parked=\"%zu\"",
		  (size_t)one.parked);
	words = unit_child(print_malloc_stats);
	expect_in(words.text, "libkmem: in use: %zu bytes", (size_t)stats.used_bytes);
	expect_in(words.text, "in use %zu, parked %zu\n", (size_t)stats.slab_active_bytes,
		  (size_t)stats.slab_parked_bytes);
	expect_in(printed(KMEM_STATS_TEXT), "in use: %zu bytes", (size_t)stats.used_bytes);
	/* Nothing that was asked changed anything. */
	ck_assert_uint_eq(totals().used_bytes, stats.used_bytes);
	ck_assert_uint_eq(totals().slab_parked_bytes, stats.slab_parked_bytes);
	free(text);
}
END_TEST

START_TEST(json_has_it_all_in_order)
{
	struct kmem_cache_stats one = {.size = sizeof(one)};
	struct kmem_stats stats;
	const char *json;

	use_all_kinds();
	stats = totals();
	ck_assert_int_eq(kmem_cache_stats(cache, &one), 0);
	json = printed(KMEM_STATS_JSON);
	expect_in(json,
		  "{\"format\":1,\"release\":\"0.1\",\"pid\":%d,\"threads\":1,\"mapped_bytes\":%zu,"
		  "\"meta_bytes\":%zu,\"waiting_objects\":0,\"waiting_bytes\":0,"
		  "\"waiting_slabs\":0,\"waiting_slab_bytes\":0,\"caches\":[{\"id\":",
		  getpid(), (size_t)stats.mapped_bytes, (size_t)stats.meta_bytes);
	expect_in(json,
		  "{\"id\":%u,\"name\":\"all \\\"kinds\\\\ <&'>\",\"flags\":0,\"object_size\":100,"
		  "\"stride\":104,\"align\":8,\"slab_bytes\":32768,\"slab_objects\":315,"
		  "\"slabs\":%zu,\"slabs_empty\":%zu,\"objects\":%zu,\"active\":2000,"
		  "\"parked\":%zu,\"taken\":%zu,\"given\":%zu}",
		  one.id, (size_t)one.slabs, (size_t)one.slabs_empty, (size_t)one.objects,
		  (size_t)one.parked, (size_t)one.taken, (size_t)one.given);
	expect_in(json, "],\"zones\":[{\"base\":");
	expect_in(json, "],\"heaps\":[{\"name\":\"malloc-heap-0\",\"spans\":");
	ck_assert_str_eq(json + strlen(json) - 4, "}]}\n");
	ck_assert_uint_eq(strcspn(json, "\n"), strlen(json) - 1);
}
END_TEST

START_TEST(counts_where_they_are_counted)
{
	ck_assert_int_eq(kmem_option_set("stats", "true"), 0);
	use_all_kinds();
	expect_in(printed(KMEM_STATS_JSON), ",\"allocs\":3000,\"frees\":1000}");
	expect_in(printed(KMEM_STATS_TEXT), "all \"kinds\\ <&'> (3000 allocations, 1000 frees)\n");
}
END_TEST

START_TEST(structs_of_other_versions)
{
	struct {
		struct kmem_stats stats;
		uint64_t more[4];
	} larger = {.stats.size = sizeof(larger), .more = {1, 2, 3, 4}};
	struct kmem_stats smaller = {.size = 64, .limit_refusals = 77, .clean_bytes = 77};
	static const size_t bad[] = {0, 8, 63, 65, 4104, SIZE_MAX, (size_t)-8};
	struct kmem_cache_stats one = {.size = 64};

	use_all_kinds();
	ck_assert_int_eq(kmem_stats_read(&smaller), 0);
	ck_assert_uint_eq(smaller.size, 64);
	ck_assert_uint_eq(smaller.committed_bytes, totals().committed_bytes);
	ck_assert_uint_eq(smaller.clean_bytes, 77);
	ck_assert_uint_eq(smaller.limit_refusals, 77);
	ck_assert_int_eq(kmem_stats_read(&larger.stats), 0);
	ck_assert_uint_eq(larger.stats.size, sizeof(larger.stats));
	ck_assert_uint_eq(larger.more[0] | larger.more[1] | larger.more[2] | larger.more[3], 0);
	ck_assert_uint_eq(larger.stats.used_bytes, totals().used_bytes);
	ck_assert_int_eq(kmem_cache_stats(cache, &one), 0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		smaller.size = one.size = bad[i];
		ck_assert_int_eq(kmem_stats_read(&smaller), -EINVAL);
		ck_assert_int_eq(kmem_cache_stats(cache, &one), -EINVAL);
		ck_assert_uint_eq(kmem_cache_stats_next(0, &one), 0);
		ck_assert_uint_eq(smaller.size, bad[i]);
	}
}
END_TEST

START_TEST(caches_one_by_one)
{
	struct kmem_cache_stats one = {.size = sizeof(one)};
	struct kmem_cache *first = kmem_cache_create("first", 8, 0, 0, NULL);
	struct kmem_cache *second = kmem_cache_create("second", 8, 0, 0, NULL);
	unsigned id;

	ck_assert_int_eq(kmem_cache_stats(first, &one), 0);
	ck_assert_str_eq(one.name, "first");
	id = kmem_cache_stats_next(one.id, &one);
	ck_assert_str_eq(one.name, "second");
	ck_assert_uint_eq(kmem_cache_stats_next(id, &one), 0);
	ck_assert_uint_eq(kmem_cache_stats_next(UINT32_MAX, &one), 0);
	ck_assert_int_eq(kmem_cache_destroy(second), 0);
	ck_assert_int_eq(kmem_cache_stats(second, &one), -EINVAL);
	ck_assert_uint_eq(kmem_cache_stats_next(id - 1, &one), 0);
}
END_TEST

START_TEST(a_refused_write_is_an_error)
{
	int full = open("/dev/full", O_WRONLY);

	use_all_kinds();
	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(kmem_stats_print(full, KMEM_STATS_JSON), -ENOSPC);
	ck_assert_int_eq(kmem_stats_print(full, KMEM_STATS_TEXT), -ENOSPC);
	ck_assert_int_eq(kmem_stats_print(-1, KMEM_STATS_JSON), -EBADF);
	ck_assert_int_eq(kmem_stats_print(full, (enum kmem_stats_format)7), -EINVAL);
	close(full);
}
END_TEST

static int ends[2];

static void *print_slowly(void *unused)
{
	require(kmem_stats_print(ends[1], KMEM_STATS_JSON) == 0);
	close(ends[1]);
	return unused;
}

/* The reader rests: whoever prints has no lock, and others do all there is to do. */
START_TEST(no_lock_is_held_while_it_writes)
{
	size_t room, n = 0;
	int waiting;
	pthread_t thread;
	char piece[512];
	ssize_t got;

	for (int i = 0; i < 700; i++)
		ck_assert_ptr_nonnull(kmem_cache_create("many", 8, 0, 0, NULL));
	ck_assert_int_eq(pipe(ends), 0);
	room = (size_t)fcntl(ends[1], F_SETPIPE_SZ, 4096);
	ck_assert_int_eq(pthread_create(&thread, NULL, print_slowly, NULL), 0);
	while (n < room / 2) {
		unit_sleep_ms(1);
		require(ioctl(ends[0], FIONREAD, &waiting) == 0);
		n = (size_t)waiting;
	}
	unit_sleep_ms(20);
	use_all_kinds();
	kmem_cache_shrink(cache);
	kmem_trim();
	ck_assert_int_eq(kmem_cache_destroy(kmem_cache_create("other", 8, 0, 0, NULL)), 0);
	for (n = 0; (got = read(ends[0], piece, sizeof(piece))) > 0;)
		n += (size_t)got;
	pthread_join(thread, NULL);
	ck_assert_uint_gt(n, 700 * 150);
}
END_TEST

UNIT_MAIN("stats_api", sums_are_those_of_the_parts, all_of_them_say_the_same,
	  json_has_it_all_in_order, counts_where_they_are_counted, structs_of_other_versions,
	  caches_one_by_one, a_refused_write_is_an_error, no_lock_is_held_while_it_writes)
