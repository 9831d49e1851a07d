// SPDX-License-Identifier: MIT
/* See look.h. */
#include "look.h"

#include "html.h"
#include "map.h"
#include "whatis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int write_page(struct target *t, const struct geometry *g, const char *path)
{
	FILE *file = fopen(path, "we");
	int failed;

	if (!file)
		return target_fail(t, errno, "%.100s: %s", path, strerror(errno));
	html_print(file, g, t);
	failed = ferror(file);
	if (fclose(file) || failed)
		return target_fail(t, EIO, "%.100s cannot be written", path);
	return 0;
}

int look_print(FILE *out, struct target *t, const struct look *l)
{
	struct geometry g;
	int rc = 0;

	if (l->map || l->html) {
		rc = geometry_read(&g, t);
		if (!rc && l->html)
			rc = write_page(t, &g, l->html);
		if (!rc && l->map)
			map_print(out, &g);
		geometry_free(&g);
	}
	if (!rc && l->whatis)
		rc = whatis_print(out, t, l->addr);
	return rc;
}

int look_at_end(void *context, struct target *t)
{
	struct look_end *end = context;
	size_t nbytes = 0;
	FILE *out;
	int rc;

	free(end->text);
	end->text = NULL;
	out = open_memstream(&end->text, &nbytes);
	if (!out)
		return target_fail(t, ENOMEM, "there is not enough memory to look at it");
	rc = look_print(out, t, end->look);
	return fclose(out) && !rc ? -EIO : rc;
}
