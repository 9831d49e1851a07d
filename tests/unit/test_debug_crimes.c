// SPDX-License-Identifier: MIT
/* Crimes against malloc's blocks of all kinds, with KMEM_DEBUG: each is found, and named. */
#include "debug_child.h"

static unsigned char *make_block(size_t nbytes)
{
	unsigned char *block = kmem_malloc(nbytes);

	must(block);
	memset(block, 1, nbytes);
	return block;
}

static const size_t crime_sizes[] = {1, 100, 5000, 32768, 40000, 300000, 2000000};
#define NCRIMES 9u

static void commit(unsigned crime, size_t nbytes)
{
	unsigned char *block = make_block(nbytes);

	switch (crime) {
	case 0:
		block[nbytes] = 1;
		kmem_free(block);
		break;
	case 1:
		block[-1] = 1;
		kmem_free(block);
		break;
	case 2:
		kmem_free(block);
		kmem_free(block);
		break;
	case 3:
		block = kmem_realloc(block, nbytes + 3);
		block[nbytes + 3] = 1;
		kmem_free(block);
		break;
	case 4:
		block = kmem_realloc(block, nbytes / 2 + 1);
		block[nbytes / 2 + 1] = 1;
		kmem_free(block);
		break;
	case 5:
		kmem_free(block + 1);
		break;
	case 6:
		kmem_free(block);
		kmem_free(kmem_realloc(block, nbytes * 2));
		break;
	case 7:
		block = kmem_aligned_alloc(64, nbytes);
		block[nbytes] = 1;
		kmem_free(block);
		break;
	case 8:
		block = kmem_krealloc(block, nbytes / 2 + 1, GFP_KERNEL);
		block[nbytes / 2 + 1] = 1;
		kmem_kfree(block);
		break;
	}
}

/* Written to after it was freed: seen when it leaves quarantine. */
static void commit_late(void)
{
	unsigned char *block = make_block(100000);

	kmem_free(block);
	block[5] = 1;
	for (unsigned i = 0; i < 64; i++)
		kmem_free(make_block(50000));
}

static void mix_up(void)
{
	void *pages = kmem_pages_alloc(2, GFP_KERNEL), *block = make_block(100000);

	kmem_free(pages);
	kmem_pages_free(block);
	kmem_free((char *)block - 4096);
	kmem_pages_free(pages);
	kmem_free(block);
}

/* All of the page before a block is its red zone, and its record lies elsewhere. */
static void write_far_before(void)
{
	unsigned char *block = make_block(100000);

	memset(block - 4096, 'A', 4096);
	kmem_free(block);
	block = make_block(100000);
	((volatile unsigned char *)block)[-4096] = 1;
	kmem_free(block);
}

/* What lies in quarantine is to be had when there is nothing else. */
static void need_quarantine(void)
{
	void *block;

	kmem_limit_set(kmem_limit_usage() + (12u << 20));
	for (unsigned i = 0; i < 5; i++) {
		block = kmem_malloc(8u << 20);
		must(block);
		kmem_free(block);
	}
}

/* A block that can only be smaller elsewhere, and nothing is at hand. */
static void refuse_shrink(void)
{
	char *block = kmem_kmalloc(100000, GFP_KERNEL);

	must(kmem_krealloc(block, 50000, GFP_NOWAIT) == block);
	must(kmem_ksize(block) == 100000);
	memset(block, 1, 100000);
	kmem_kfree(block);
}

static void explain(void)
{
	char *block = kmem_malloc(100000);

	must(kmem_dump_obj(block + 50001));
	kmem_free(block);
	must(kmem_dump_obj(block + 4096));
}

static const char *const reasons[NCRIMES] = {
	"Right Redzone overwritten", "Left Redzone overwritten",  "Object already free",
	"Right Redzone overwritten", "Right Redzone overwritten", "Invalid object pointer",
	"Object already free",	     "Right Redzone overwritten", "Right Redzone overwritten"};

START_TEST(crimes_against_all_kinds_of_blocks)
{
	char text[32];

	argument = text;
	for (unsigned crime = 0; crime < NCRIMES; crime++)
		for (unsigned i = 0; i < sizeof(crime_sizes) / sizeof(crime_sizes[0]); i++) {
			struct last_words words;

			snprintf(text, sizeof(text), "%u %zu", crime, crime_sizes[i]);
			words = child("FZPU", "", "crime");
			if (!unit_aborted(&words) || !strstr(words.text, reasons[crime]))
				ck_abort_msg("crime %u at %zu bytes: status %#x\n%s", crime,
					     crime_sizes[i], (unsigned)words.status, words.text);
			words = child("FZPU", "on_error:continue", "crime");
			if (words.status || !strstr(words.text, reasons[crime]))
				ck_abort_msg("crime %u at %zu bytes: status %#x\n%s", crime,
					     crime_sizes[i], (unsigned)words.status, words.text);
		}
	argument = NULL;
}
END_TEST

/* It goes on after so many reports, all of them this one. */
static struct last_words expect_reports(const char *act, unsigned n, const char *report)
{
	struct last_words words = child("FZPU", "on_error:continue", act);

	ck_assert_int_eq(words.status, 0);
	ck_assert_uint_eq(unit_count(words.text, report), n);
	ck_assert_uint_eq(unit_count(words.text, "BUG"), n);
	return words;
}

START_TEST(written_to_in_quarantine)
{
	expect_reports("late", 1, "BUG malloc-large: Poison overwritten");
}
END_TEST

START_TEST(pages_and_blocks_mixed_up)
{
	struct last_words words =
		expect_reports("mix", 2, "BUG malloc-large: Invalid object pointer");

	ck_assert_uint_eq(unit_count(words.text, "foreign pointer"), 1);
}
END_TEST

START_TEST(written_to_far_before)
{
	expect_reports("before", 2, "BUG malloc-large: Left Redzone overwritten");
}
END_TEST

START_TEST(quarantine_gives_way)
{
	expect_quiet("FZPU", "", "need");
}
END_TEST

START_TEST(a_refused_shrink_is_none)
{
	expect_quiet("FZPU", "", "refused");
}
END_TEST

/* One line, and the end. */
START_TEST(hardened_blocks)
{
	char text[32];

	argument = text;
	for (unsigned crime = 2; crime <= 5; crime += 3)
		for (unsigned i = 1; i < sizeof(crime_sizes) / sizeof(crime_sizes[0]); i++) {
			struct last_words words;

			snprintf(text, sizeof(text), "%u %zu", crime, crime_sizes[i]);
			words = child("-", "hardened:true", "crime");
			if (!unit_aborted(&words) || unit_count(words.text, "\n") != 1)
				ck_abort_msg("crime %u at %zu bytes: status %#x\n%s", crime,
					     crime_sizes[i], (unsigned)words.status, words.text);
		}
	argument = NULL;
}
END_TEST

START_TEST(where_a_large_block_is)
{
	struct last_words words = child("FZPU", "", "explain");

	ck_assert_int_eq(words.status, 0);
	ck_assert_uint_eq(unit_count(words.text, " 50001 bytes into the debugged block of 100000 "),
			  1);
	ck_assert_uint_eq(unit_count(words.text, " in use\nAllocated "), 1);
	ck_assert_uint_eq(unit_count(words.text, " free, in quarantine\nAllocated "), 1);
	ck_assert_uint_eq(unit_count(words.text, "Freed "), 1);
}
END_TEST

/* What the child was told to do. */
static int do_act(const char *doing, const char *what)
{
	if (strcmp(doing, "crime") == 0)
		commit((unsigned)atoi(what), strtoul(strchr(what, ' '), NULL, 10));
	else if (strcmp(doing, "late") == 0)
		commit_late();
	else if (strcmp(doing, "need") == 0)
		need_quarantine();
	else if (strcmp(doing, "refused") == 0)
		refuse_shrink();
	else if (strcmp(doing, "before") == 0)
		write_far_before();
	else if (strcmp(doing, "mix") == 0)
		mix_up();
	else
		explain();
	return 0;
}

int main(int argc, char **argv)
{
	const TTest *const tests[] = {crimes_against_all_kinds_of_blocks,
				      written_to_in_quarantine,
				      pages_and_blocks_mixed_up,
				      written_to_far_before,
				      quarantine_gives_way,
				      a_refused_shrink_is_none,
				      hardened_blocks,
				      where_a_large_block_is};

	if (argc < 3)
		return unit_run("debug_crimes", tests, 8);
	return do_act(argv[1], argv[3]);
}
