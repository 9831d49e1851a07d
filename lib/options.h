/* SPDX-License-Identifier: MIT */
/* Settings from the program and the environment; the names are one table in options.c. */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include <stddef.h>

/* Read both, at start-up. */
void options_start(void);

/* A number with k, M or G behind it. 0 or -EINVAL. */
int option_size(const char *text, size_t *value);

#endif
