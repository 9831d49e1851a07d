// SPDX-License-Identifier: MIT
/* See look.h. */
#include "look.h"

#include "html.h"
#include "map.h"
#include "whatis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* That lies with the file, not with the target. */
static int fail(struct target *t, int err, const char *path)
{
	snprintf(t->why, sizeof(t->why), "%.160s: %s", path, strerror(err));
	return -err;
}

static int write_page(struct target *t, const struct geometry *g, const char *path)
{
	FILE *file = fopen(path, "we");
	int err;

	if (!file)
		return fail(t, errno, path);
	html_print(file, g, t);
	err = fflush(file) || ferror(file) ? errno ?: EIO : 0;
	if (fclose(file) && !err)
		err = errno;
	return err ? fail(t, err, path) : 0;
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
