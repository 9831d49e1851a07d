// SPDX-License-Identifier: MIT
/* Messages: the formats, the bounds, one line a call, abort or not. */
#include "unit.h"

#include "buddy/report.h"
#include "buddy/settings.h"

#include <errno.h>
#include <limits.h>

START_TEST(every_format)
{
	char buf[128];
	size_t len = report_format(buf, sizeof(buf), "%s|%p|%u|%zu|%d|%c|%%", "text",
				   (void *)0xabc0, UINT_MAX, SIZE_MAX, INT_MIN, 'x');

	ck_assert_str_eq(buf, "text|0xabc0|4294967295|18446744073709551615|-2147483648|x|%");
	ck_assert_uint_eq(len, strlen(buf));
}
END_TEST

START_TEST(zeros_and_null)
{
	const char *volatile none = NULL; /* unseen by the compiler */
	char buf[64];

	report_format(buf, sizeof(buf), "%s %p %u %zu %d", none, NULL, 0u, (size_t)0, 0);
	ck_assert_str_eq(buf, "(null) 0x0 0 0 0");
}
END_TEST

START_TEST(long_text_is_cut_and_terminated)
{
	char buf[8];

	memset(buf, 'Z', sizeof(buf));
	ck_assert_uint_eq(report_format(buf, 6, "%s", "abcdefghij"), 5);
	ck_assert_str_eq(buf, "abcde");
	ck_assert_int_eq(buf[6], 'Z');
}
END_TEST

static void report_once(void)
{
	errno = 77;
	report("a %s of %u bytes", "word", 12u);
	if (errno != 77)
		_exit(1);
}

START_TEST(one_line_with_the_name_in_front)
{
	struct last_words words = unit_child(report_once);

	ck_assert_str_eq(words.text, "libkmem: a word of 12 bytes\n");
	ck_assert_int_eq(words.status, 0);
}
END_TEST

static void report_much(void)
{
	char text[2 * REPORT_LINE_MAX];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	report("%s", text);
}

START_TEST(a_long_line_still_ends)
{
	struct last_words words = unit_child(report_much);

	ck_assert_uint_le(strlen(words.text), REPORT_LINE_MAX);
	ck_assert_int_eq(words.text[strlen(words.text) - 1], '\n');
}
END_TEST

static void bug(void)
{
	report_bug("found");
}

static void bug_and_go_on(void)
{
	settings.on_error = ON_ERROR_CONTINUE;
	report_bug("found");
}

START_TEST(a_bug_aborts_unless_told_to_continue)
{
	struct last_words words = unit_child(bug);

	require(unit_aborted(&words));
	ck_assert_str_eq(words.text, "libkmem: found\n");
	words = unit_child(bug_and_go_on);
	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text, "libkmem: found\n");
}
END_TEST

static void fail_assertion(void)
{
	report_assert("a == b", "file.c", 12);
}

START_TEST(a_failed_assertion_names_its_place)
{
	struct last_words words = unit_child(fail_assertion);

	require(unit_aborted(&words));
	ck_assert_str_eq(words.text, "libkmem: assertion failed: a == b at file.c:12\n");
}
END_TEST

/* Reports that the program goes on after: the last one is kept, from its first line, and what
 * follows. */
static void report_several(void)
{
	settings.on_error = ON_ERROR_CONTINUE;
	for (unsigned i = 0; i < 3000; i++)
		report("line %u", i);
	report_bug("first");
	require(strcmp(kmem_last_report, "libkmem: first\n") == 0);
	report_begin();
	report_text("one");
	report_bug("at once");
	report_text("two");
	report_end(true);
	report("since");
	require(strcmp(kmem_last_report, "one\nlibkmem: at once\ntwo\nlibkmem: since\n") == 0);
}

/* More than there is room for: what was said last is there whole. */
static void report_without_end(void)
{
	report_begin();
	for (unsigned i = 0; i < 5000; i++) {
		char line[32];

		report_text("line %u", i);
		snprintf(line, sizeof(line), "line %u\n", i);
		require(strlen(kmem_last_report) >= strlen(line));
		require(strcmp(kmem_last_report + strlen(kmem_last_report) - strlen(line), line) ==
			0);
	}
}

START_TEST(what_was_said_last_is_kept)
{
	ck_assert_int_eq(unit_child(report_several).status, 0);
	ck_assert_int_eq(unit_child(report_without_end).status, 0);
}
END_TEST

UNIT_MAIN("report", what_was_said_last_is_kept, every_format, zeros_and_null,
	  long_text_is_cut_and_terminated, one_line_with_the_name_in_front, a_long_line_still_ends,
	  a_bug_aborts_unless_told_to_continue, a_failed_assertion_names_its_place)
