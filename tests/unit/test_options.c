// SPDX-License-Identifier: MIT
/* Settings: names, values, units; what is refused changes nothing and is named once. */
#include "unit.h"

#include "buddy/settings.h"
#include "lib/options.h"

#include <errno.h>
#include <kmem/options.h>

START_TEST(numbers_take_units)
{
	ck_assert_int_eq(kmem_option_set("thread_cache", "123"), 0);
	ck_assert_uint_eq(settings.thread_cache, 123);
	ck_assert_int_eq(kmem_option_set("thread_cache", "5k"), 0);
	ck_assert_uint_eq(settings.thread_cache, 5 << 10);
	ck_assert_int_eq(kmem_option_set("thread_cache", "6M"), 0);
	ck_assert_uint_eq(settings.thread_cache, 6 << 20);
	ck_assert_int_eq(kmem_option_set("thread_cache", "7G"), 0);
	ck_assert_uint_eq(settings.thread_cache, 7ull << 30);
	ck_assert_int_eq(kmem_option_set("decay_ms", "2k"), 0);
	ck_assert_uint_eq(settings.decay_ms, 2048);
	ck_assert_int_eq(kmem_option_set("decay_ms", "0"), 0);
	ck_assert_uint_eq(settings.decay_ms, 0);
}
END_TEST

START_TEST(words_are_known)
{
	ck_assert_int_eq(kmem_option_set("thp", "always"), 0);
	ck_assert_int_eq(settings.thp, THP_ALWAYS);
	ck_assert_int_eq(kmem_option_set("thp", "never"), 0);
	ck_assert_int_eq(settings.thp, THP_NEVER);
	ck_assert_int_eq(kmem_option_set("on_error", "continue"), 0);
	ck_assert_int_eq(settings.on_error, ON_ERROR_CONTINUE);
	ck_assert_int_eq(kmem_option_set("on_error", "abort"), 0);
	ck_assert_int_eq(settings.on_error, ON_ERROR_ABORT);
}
END_TEST

START_TEST(bad_values_are_einval_and_change_nothing)
{
	static const char *const bad[][2] = {
		{"thread_cache", ""},
		{"thread_cache", "x"},
		{"thread_cache", "1x"},
		{"thread_cache", "-1"},
		{"thread_cache", "1kk"},
		{"thread_cache", "1 "},
		{"thread_cache", "3T"},
		{"thread_cache", "99999999999999999999"},
		{"thread_cache", "18014398509481984k"},
		{"decay_ms", "3G"},
		{"decay_ms", "1.5"},
		{"thp", "sometimes"},
		{"on_error", "ignore"},
		{"stats", "1"},
		{"ptracer", "all"},
		{"unknown", "1"},
		{"", "1"},
		{NULL, "1"},
		{"thp", NULL},
	};
	struct settings before = settings;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(kmem_option_set(bad[i][0], bad[i][1]), -EINVAL);
		if (settings.thread_cache != before.thread_cache ||
		    settings.stats != before.stats || settings.ptracer_any != before.ptracer_any ||
		    settings.decay_ms != before.decay_ms)
			ck_abort_msg("the refused '%s:%s' changed a setting", bad[i][0], bad[i][1]);
	}
}
END_TEST

static const char *environment;

static void read_environment(void)
{
	setenv("KMEM_OPTIONS", environment, 1);
	options_start();
	if (settings.decay_ms != 321)
		_exit(1);
}

static void expect_reports(const char *value, const char *lines)
{
	struct last_words words;

	environment = value;
	words = unit_child(read_environment);
	ck_assert_str_eq(words.text, lines);
	ck_assert_int_eq(words.status, 0);
}

START_TEST(unknown_words_are_named_once_and_ignored)
{
	expect_reports("decay_ms:321", "");
	expect_reports(",,decay_ms:321,,", "");
	expect_reports("nonsense,decay_ms:321",
		       "libkmem: KMEM_OPTIONS: 'nonsense' with value '' is not known; ignored\n");
	expect_reports("decay_ms:321,thp:often",
		       "libkmem: KMEM_OPTIONS: 'thp' with value 'often' is not known; ignored\n");
}
END_TEST

START_TEST(a_word_too_long_is_ignored)
{
	char text[400] = "decay_ms:321,";

	memset(text + strlen(text), 'x', 300);
	expect_reports(text, "libkmem: KMEM_OPTIONS: a word of 300 bytes is too long; ignored\n");
}
END_TEST

UNIT_MAIN("options", numbers_take_units, words_are_known, bad_values_are_einval_and_change_nothing,
	  unknown_words_are_named_once_and_ignored, a_word_too_long_is_ignored)
