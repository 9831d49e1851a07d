/* SPDX-License-Identifier: MIT */
/* The stages before a request fails, in one place for all: buddy/shortage.h. */
#ifndef LIB_SHORTAGE_H
#define LIB_SHORTAGE_H

#include "buddy/shortage.h"

/* Do what comes next; whether to try again. */
bool shortage_next(struct shortage *shortage);

#endif
