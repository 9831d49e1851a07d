// SPDX-License-Identifier: MIT
/* The specification is kept as text, and read whenever a cache is created: see debug_spec.h. */
#include "slab/debug_spec.h"

#include "buddy/report.h"

#include <string.h>

#define SPEC_MAX 1024u

static char spec[SPEC_MAX];

#define FZPU (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)

static const struct {
	char letter;
	slab_flags_t flags;
} letters[] = {
	{'F', SLAB_CONSISTENCY_CHECKS},
	{'Z', SLAB_RED_ZONE},
	{'P', SLAB_POISON},
	{'U', SLAB_STORE_USER},
	{'T', SLAB_TRACE},
	{'A', SLAB_FAILSLAB},
	{'O', DEBUG_SPARE},
	{'-', 0},
};

static bool is_end(char c)
{
	return c == '\0' || c == ',' || c == ';';
}

static bool add_letter(char c, slab_flags_t *flags)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		/* As in the kernel, in both cases. */
		if (letters[i].letter == (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c)) {
			*flags |= letters[i].flags;
			return true;
		}
	return false;
}

slab_flags_t debug_letters(const char **at)
{
	slab_flags_t flags = 0;

	/* "1" and "on" were the kernel's ways to say all, once. */
	if (is_end(**at) || **at == '1')
		flags = FZPU;
	for (; !is_end(**at); ++*at)
		if (**at == '-')
			flags = 0;
		else
			add_letter(**at, &flags);
	return flags;
}

/* Does the pattern, which ends as a word of the specification does, match the name? */
static bool matches(const char *pattern, const char *name)
{
	for (; !is_end(*pattern) && *pattern != '*'; pattern++, name++)
		if (*pattern != *name)
			return false;
	return *pattern == '*' || *name == '\0';
}

static const char *word_end(const char *at)
{
	while (!is_end(*at))
		at++;
	return at;
}

slab_flags_t debug_spec_flags(const char *name)
{
	slab_flags_t everywhere = 0, flags;
	const char *at = spec;

	if (!*at)
		return 0;
	for (;;) {
		/* Blocks with nothing in them say nothing. */
		while (*at == ';')
			at++;
		if (!*at)
			return everywhere;
		flags = debug_letters(&at);
		if (*at != ',')
			everywhere = flags;
		while (*at == ',') {
			if (matches(++at, name))
				return flags;
			at = word_end(at);
		}
	}
}

static void report_unknown(const char *at, const char *origin)
{
	bool in_letters = true;
	slab_flags_t flags = 0;

	for (; *at; at++) {
		if (is_end(*at))
			in_letters = *at == ';';
		else if (in_letters && !add_letter(*at, &flags) && *at != '1')
			report("%s: letter '%c' is not known; ignored", origin, *at);
	}
}

bool debug_spec_set(const char *given, const char *origin)
{
	size_t nbytes = strlen(given) + 1;

	if (nbytes > sizeof(spec))
		return false;
	report_unknown(given, origin);
	memcpy(spec, given, nbytes);
	/* As a word of its own it says "all of it", which no letters say. */
	if (nbytes == 1)
		memcpy(spec, "FZPU", 5);
	return true;
}
