// SPDX-License-Identifier: MIT
/*
 * KMEM_OPTIONS=name:value,…: parsed in place, without memory or locale. Read
 * before the C library may have set environ up; then from where the kernel put it.
 */
#include "lib/options.h"

#include "buddy/report.h"
#include "buddy/settings.h"
#include "buddy/sys.h"
#include "lib/failslab_option.h"
#include "lib/fork.h"
#include "lib/record.h"
#include "lib/start.h"
#include "slab/background.h"
#include "slab/debug_spec.h"
#include "slab/guard.h"

#include <errno.h>
#include <kmem/limits.h>
#include <kmem/options.h>
#include <stdint.h>
#include <string.h>

#define WORD_MAX 256

extern char **environ;
extern const char *kmem_options __attribute__((weak));
/* glibc's dynamic loader: the stack as the kernel left it, argc first. */
extern void *__libc_stack_end __attribute__((weak));

int option_size(const char *text, size_t *value)
{
	size_t n = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (size_t)(*text - '0'), &n))
			return -EINVAL;
	for (const char *unit = "kMG"; *text && *unit; unit++) {
		if (__builtin_mul_overflow(n, 1024, &n))
			return -EINVAL;
		if (*text == *unit)
			text++, unit = "G";
	}
	*value = n;
	return *text ? -EINVAL : 0;
}

static int set_decay(const char *value)
{
	size_t ms;

	if (option_size(value, &ms) < 0 || ms > INT32_MAX)
		return -EINVAL;
	__atomic_store_n(&settings.decay_ms, (uint32_t)ms, __ATOMIC_RELAXED);
	background_nudge();
	return 0;
}

static int set_limit(const char *value)
{
	size_t nbytes;

	return option_size(value, &nbytes) < 0 ? -EINVAL : kmem_limit_set(nbytes);
}

static int set_bytes(const char *value, size_t *setting)
{
	size_t nbytes;

	if (option_size(value, &nbytes) < 0)
		return -EINVAL;
	__atomic_store_n(setting, nbytes, __ATOMIC_RELAXED);
	return 0;
}

static int set_thread_cache(const char *value)
{
	return set_bytes(value, &settings.thread_cache);
}

static int set_rcu_pending(const char *value)
{
	return set_bytes(value, &settings.rcu_pending);
}

static int set_thp(const char *value)
{
	static const char *const names[] = {
		[THP_NEVER] = "never", [THP_AUTO] = "auto", [THP_ALWAYS] = "always"};

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(value, names[i]) == 0) {
			settings.thp = i;
			return 0;
		}
	return -EINVAL;
}

static int set_on_error(const char *value)
{
	bool continues = strcmp(value, "continue") == 0;

	if (!continues && strcmp(value, "abort") != 0)
		return -EINVAL;
	settings.on_error = continues ? ON_ERROR_CONTINUE : ON_ERROR_ABORT;
	return 0;
}

static int set_bool(const char *value, bool *setting)
{
	bool wanted = strcmp(value, "true") == 0;

	if (!wanted && strcmp(value, "false") != 0)
		return -EINVAL;
	*setting = wanted;
	return 0;
}

static int set_kfence_interval(const char *value)
{
	size_t ms;

	if (option_size(value, &ms) < 0 || ms > INT32_MAX)
		return -EINVAL;
	__atomic_store_n(&settings.kfence_ms, (uint32_t)ms, __ATOMIC_RELAXED);
	return 0;
}

static int set_kfence_pool(const char *value)
{
	size_t n;

	if (option_size(value, &n) < 0 || n == 0 || n > GUARD_POOL_MOST)
		return -EINVAL;
	__atomic_store_n(&settings.kfence_pool, (uint32_t)n, __ATOMIC_RELAXED);
	return 0;
}

static int set_background(const char *value)
{
	bool wanted;
	int err = set_bool(value, &wanted);

	if (!err)
		background_set(wanted);
	return err;
}

static int set_annotate(const char *value)
{
	return set_bool(value, &settings.annotate);
}

static int set_hardened(const char *value)
{
	return set_bool(value, &settings.hardened);
}

static int set_stats(const char *value)
{
	return set_bool(value, &settings.stats);
}

static int set_ptracer(const char *value)
{
	bool any = strcmp(value, "any") == 0;

	if (!any && strcmp(value, "none") != 0)
		return -EINVAL;
	settings.ptracer_any = any;
	sys_ptracer(any);
	/* For the children; at start-up the constructor sees to it. */
	if (any && atomic_load_explicit(&started, memory_order_relaxed))
		fork_register();
	return 0;
}

static const struct {
	const char *name;
	int (*set)(const char *value);
} options[] = {
	{"annotate", set_annotate},
	{"background_thread", set_background},
	{"decay_ms", set_decay},
	{"failslab", failslab_option},
	{"hardened", set_hardened},
	{"kfence_pool", set_kfence_pool},
	{"kfence_sample_interval", set_kfence_interval},
	{"limit_bytes", set_limit},
	{"on_error", set_on_error},
	{"ptracer", set_ptracer},
	{"rcu_pending", set_rcu_pending},
	{"record", record_option},
	{"stats", set_stats},
	{"thp", set_thp},
	{"thread_cache", set_thread_cache},
};

int kmem_option_set(const char *name, const char *value)
{
	for (size_t i = 0; name && value && i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].set(value);
	return -EINVAL;
}

/* One name:value, not terminated. */
static void parse_word(const char *word, size_t len, const char *origin)
{
	char name[WORD_MAX];
	char *value;

	if (len == 0)
		return;
	if (len >= sizeof(name)) {
		report("%s: a word of %zu bytes is too long; ignored", origin, len);
		return;
	}
	memcpy(name, word, len);
	name[len] = '\0';
	value = strchr(name, ':');
	if (value)
		*value++ = '\0';
	if (kmem_option_set(name, value ? value : "") < 0)
		report("%s: '%s' with value '%s' is not known; ignored", origin, name,
		       value ? value : "");
}

static void parse(const char *text, const char *origin)
{
	while (text && *text) {
		size_t len = strcspn(text, ",");

		parse_word(text, len, origin);
		text += len + (text[len] == ',');
	}
}

static const char *find_variable(const char *name)
{
	size_t len = strlen(name);
	char **env = environ;

	if (!env && &__libc_stack_end && __libc_stack_end) {
		long argc = *(long *)__libc_stack_end;

		env = (char **)__libc_stack_end + 1 + argc + 1;
	}
	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

void options_start(void)
{
	const char *spec;

	if (&kmem_options)
		parse(kmem_options, "kmem_options");
	if (sys_secure())
		return;
	parse(find_variable("KMEM_OPTIONS"), "KMEM_OPTIONS");
	spec = find_variable("KMEM_DEBUG");
	if (spec && !debug_spec_set(spec, "KMEM_DEBUG"))
		report("KMEM_DEBUG: it is longer than 1023 bytes; ignored");
}
