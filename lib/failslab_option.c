// SPDX-License-Identifier: MIT
/* failslab:probability=10/interval=3/…: see docs/options.md for the names. */
#include "lib/failslab_option.h"

#include "lib/options.h"

#include <errno.h>
#include <kmem/fault.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#define WORD_MAX     (KMEM_FAULT_OBJECT_MAX + 32u)
#define PERCENT_PPM  10000u
#define PERCENT_MOST (100 * PERCENT_PPM)

/* Percent, with up to four digits behind the point. */
static int set_probability(const char *value, struct kmem_fault *fault)
{
	unsigned ppm = 0, unit = PERCENT_PPM;

	if (*value < '0' || *value > '9')
		return -EINVAL;
	for (; *value >= '0' && *value <= '9' && ppm <= PERCENT_MOST; value++)
		ppm = ppm * 10 + (unsigned)(*value - '0') * PERCENT_PPM;
	if (*value == '.' && value[1])
		for (value++; *value >= '0' && *value <= '9' && unit > 1; value++) {
			unit /= 10;
			ppm += (unsigned)(*value - '0') * unit;
		}
	fault->ppm = ppm;
	return *value || ppm > PERCENT_MOST ? -EINVAL : 0;
}

static int set_object(const char *value, struct kmem_fault *fault)
{
	if (!*value || strlen(value) > KMEM_FAULT_OBJECT_MAX)
		return -EINVAL;
	strcpy(fault->object, value);
	return 0;
}

enum field { INTERVAL, TIMES, SPACE, ALL, IGNORE_WAIT, VERBOSE, SEED, DEPTH, FIELDS };

static const struct {
	const char *name;
	long least;
	size_t most;
} numbers[FIELDS] = {
	[INTERVAL] = {"interval", 0, UINT_MAX}, [TIMES] = {"times", -1, LONG_MAX},
	[SPACE] = {"space", 0, SIZE_MAX},	[ALL] = {"all", 0, 1},
	[IGNORE_WAIT] = {"ignore_wait", 0, 1},	[VERBOSE] = {"verbose", -1, 1},
	[SEED] = {"seed", 0, ULONG_MAX},	[DEPTH] = {"depth", 0, UINT_MAX},
};

static int set_number(enum field field, const char *value, struct kmem_fault *fault)
{
	bool below = strcmp(value, "-1") == 0;
	size_t n = (size_t)-1;

	if (below ? numbers[field].least == 0
		  : option_size(value, &n) < 0 || n > numbers[field].most)
		return -EINVAL;
	if (field == INTERVAL)
		fault->interval = (unsigned)n;
	else if (field == TIMES)
		fault->times = (long)n;
	else if (field == SPACE)
		fault->space = n;
	else if (field == ALL)
		fault->all = n;
	else if (field == IGNORE_WAIT)
		fault->ignore_wait = n;
	else if (field == VERBOSE)
		fault->verbose = (int)n;
	else if (field == SEED)
		fault->seed = n;
	else
		fault->depth = (unsigned)n;
	return 0;
}

/* One name=value. */
static int set_word(char *word, struct kmem_fault *fault)
{
	char *value = strchr(word, '=');

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (strcmp(word, "probability") == 0)
		return set_probability(value, fault);
	if (strcmp(word, "object") == 0)
		return set_object(value, fault);
	for (enum field field = 0; field < FIELDS; field++)
		if (strcmp(numbers[field].name, word) == 0)
			return set_number(field, value, fault);
	return -EINVAL;
}

int failslab_option(const char *value)
{
	struct kmem_fault fault = {0};
	char word[WORD_MAX];
	int err = 0;

	while (*value && !err) {
		size_t len = strcspn(value, "/");

		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, value, len);
		word[len] = '\0';
		err = set_word(word, &fault);
		value += len + (value[len] == '/');
	}
	return err || kmem_fault_set(&fault) < 0 ? -EINVAL : 0;
}
