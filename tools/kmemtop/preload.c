/* SPDX-License-Identifier: MIT */
/*
 * The library is the one that came with this kmemtop: beside the directory of
 * the executable, whether that is a build tree, /usr or /opt, and whatever the
 * distribution calls its library directory. No search path is asked, so that
 * what is preloaded is never a surprise.
 */
#include "preload.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LIBRARY "libkmem-malloc.so"

/* The real path of a file that can be read, or NULL and errno. */
static char *readable(const char *path)
{
	char *real = realpath(path, NULL);

	if (real && access(real, R_OK)) {
		free(real);
		real = NULL;
	}
	return real;
}

/* PREFIX of PREFIX/bin/kmemtop. 0 or -1. */
static int own_prefix(char *prefix, size_t size)
{
	char *exe = realpath("/proc/self/exe", NULL), *slash;
	int rc = -1;

	for (int i = 0; exe && i < 2; i++) {
		slash = strrchr(exe, '/');
		if (slash)
			*slash = 0;
	}
	if (exe && strlen(exe) < size) {
		strcpy(prefix, exe);
		rc = 0;
	}
	free(exe);
	return rc;
}

static char *find_beside(const char *prefix)
{
	const char *const patterns[] = {
		"%s/lib/" LIBRARY,
		"%s/lib64/" LIBRARY,
		"%s/lib/%s-linux-gnu/" LIBRARY,
		"%s/lib/%s-linux-musl/" LIBRARY,
	};
	char path[2 * PATH_MAX], *real = NULL;
	struct utsname host;

	if (uname(&host))
		return NULL;
	for (size_t i = 0; !real && i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		snprintf(path, sizeof(path), patterns[i], prefix, host.machine);
		real = readable(path);
	}
	return real;
}

/* The loader splits LD_PRELOAD at spaces and colons and knows no escapes. */
static char *fit_for_loader(char *path, char *why, size_t size)
{
	if (!strpbrk(path, " :"))
		return path;
	snprintf(why, size, "%s cannot be preloaded: its path has a space or a colon", path);
	free(path);
	return NULL;
}

char *preload_find(char *why, size_t size)
{
	const char *given = getenv(PRELOAD_ENV);
	char prefix[PATH_MAX], *real;

	if (given && *given) {
		real = readable(given);
		if (!real) {
			snprintf(why, size, PRELOAD_ENV "=%s: %s", given, strerror(errno));
			return NULL;
		}
		return fit_for_loader(real, why, size);
	}
	real = own_prefix(prefix, sizeof(prefix)) ? NULL : find_beside(prefix);
	if (!real) {
		snprintf(why, size, LIBRARY " is not beside this program: set " PRELOAD_ENV);
		return NULL;
	}
	return fit_for_loader(real, why, size);
}

int preload_set(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *value;
	int rc;

	if (!old || !*old)
		return setenv("LD_PRELOAD", library, 1) ? -errno : 0;
	if (asprintf(&value, "%s:%s", library, old) < 0)
		return -ENOMEM;
	rc = setenv("LD_PRELOAD", value, 1) ? -errno : 0;
	free(value);
	return rc;
}
