/* SPDX-License-Identifier: MIT */
/* A process has one core; a second one finds the first by its note and stops. */
#ifndef LIB_TWIN_H
#define LIB_TWIN_H

void twin_check(void);

#endif
