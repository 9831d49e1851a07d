/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_THROUGH_H
#define TESTS_UNIT_THROUGH_H

/* What call answers, with libthrough.so on the stack. */
void *through(void *(*call)(void));

#endif
