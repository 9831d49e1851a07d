/* SPDX-License-Identifier: MIT */
/* Children that have to leave with 0: several in turn, or one with its last words. */
#ifndef TESTS_UNIT_CHILDREN_H
#define TESTS_UNIT_CHILDREN_H

#include "unit.h"

/* Each of n; what one says that does not is in the failure. */
static inline void expect_children(unsigned n, void (*act)(void))
{
	for (unsigned i = 0; i < n; i++) {
		struct last_words words = unit_child(act);

		if (words.status != 0)
			ck_abort_msg("child %u: status %#x, %s", i, (unsigned)words.status,
				     words.text);
	}
}

/* One, which writes this, and nothing else, to standard error. */
static inline void expect_words(void (*act)(void), const char *text)
{
	struct last_words words = unit_child(act);

	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text, text);
}

#endif
