/* SPDX-License-Identifier: MIT */
/*
 * Settings. KMEM_OPTIONS=name:value,… in the environment (ignored in setuid
 * programs), a string compiled into the program, and kmem_option_set set the
 * same things; the environment wins over the string. Unknown words are named
 * once on standard error and ignored. Numbers take k, M, G; docs/options.md
 * lists the names.
 */
#ifndef KMEM_OPTIONS_H
#define KMEM_OPTIONS_H

#include <kmem/base.h>

KMEM_BEGIN_DECLS

/* Defaults a program may define: const char *kmem_options = "decay_ms:200,thp:never"; */
extern const char *kmem_options;

/* 0, or -EINVAL for an unknown name or a bad value. Applies from now on. */
KMEM_API int kmem_option_set(const char *name, const char *value);

KMEM_END_DECLS

#endif
