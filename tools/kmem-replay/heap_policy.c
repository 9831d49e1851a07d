// SPDX-License-Identifier: MIT
/* See heap_policy.h. Nothing is allocated here: a replay's process calls it as well. */
#include "heap_policy.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "heap"

const char *const heap_policies[] = {
	"heap",
	"heap:one-thread",
	"heap:address",
	"heap:first",
	"heap:first,address",
	"heap:best",
	"heap:best,address",
	"heap:worst",
	"heap:worst,address",
	"heap:checked",
	"heap:zero-on-free",
	"heap:span=64k",
	"heap:span=1M",
	NULL,
};

bool heap_policy_is(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
	       (name[strlen(PREFIX)] == '\0' || name[strlen(PREFIX)] == ':');
}

static bool is(const char *word, size_t length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(word, wanted, length) == 0;
}

/* The place of the word among names; -1: it is none of them. */
static int find(const char *word, size_t length, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (is(word, length, names[i]))
			return i;
	return -1;
}

static bool parse_bytes(const char *text, const char *end, size_t *nbytes)
{
	static const char units[] = "kMG";
	unsigned shift = 0;
	const char *unit;
	char *after;

	if (*text < '0' || *text > '9')
		return false;
	*nbytes = strtoull(text, &after, 10);
	unit = after < end ? strchr(units, *after) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		after++;
	}
	if (after != end || *nbytes > SIZE_MAX >> shift)
		return false;
	*nbytes <<= shift;
	return true;
}

static bool set_flag(struct kmem_heap_options *options, const char *word, size_t length)
{
	if (is(word, length, "one-thread"))
		return options->one_thread = true;
	if (is(word, length, "checked"))
		return options->checked = true;
	if (is(word, length, "zero-on-free"))
		return options->zero_on_free = true;
	return false;
}

static bool set_size(struct kmem_heap_options *options, const char *word, size_t length)
{
	const char *equals = memchr(word, '=', length);
	size_t before = equals ? (size_t)(equals - word) : length, *nbytes;

	if (is(word, before, "span"))
		nbytes = &options->span_bytes;
	else if (is(word, before, "limit"))
		nbytes = &options->limit_bytes;
	else if (is(word, before, "memory"))
		nbytes = &options->memory_bytes;
	else
		return false;
	return equals && parse_bytes(equals + 1, word + length, nbytes);
}

static bool set_word(struct kmem_heap_options *options, const char *word, size_t length)
{
	static const char *const fits[] = {"good", "first", "best", "worst"};
	static const char *const insertions[] = {"lifo", "address"};
	int fit = find(word, length, fits, 4), insertion = find(word, length, insertions, 2);

	if (fit >= 0)
		options->fit = (enum kmem_heap_fit)fit;
	else if (insertion >= 0)
		options->insertion = (enum kmem_heap_insertion)insertion;
	else
		return set_flag(options, word, length) || set_size(options, word, length);
	return true;
}

bool heap_policy_parse(const char *name, struct kmem_heap_options *options)
{
	const char *word = name + strlen(PREFIX);

	*options = (struct kmem_heap_options){.fit = KMEM_HEAP_GOOD_FIT};
	while (*word) {
		size_t length = strcspn(++word, ",");

		if (!set_word(options, word, length))
			return false;
		word += length;
	}
	return true;
}
