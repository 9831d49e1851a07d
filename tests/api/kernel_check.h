/* SPDX-License-Identifier: MIT */
/* A function that answers 0 says what does not hold, and answers 1; no header is needed. */
#ifndef TESTS_API_KERNEL_CHECK_H
#define TESTS_API_KERNEL_CHECK_H

#define check(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			__builtin_printf("line %d: %s\n", __LINE__, #condition);                   \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

#endif
