/* SPDX-License-Identifier: MIT */
/* Settings from the program and the environment; the names are one table in options.c. */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

/* Read both, at start-up. */
void options_start(void);

#endif
