// SPDX-License-Identifier: MIT
/* A shared library of its own, which calls back: test_fault.c looks for it among the callers. */
#include "through.h"

void *through(void *(*call)(void))
{
	void *answer = call();

	__asm__ volatile("" ::: "memory"); /* no tail call: it is to be on the stack */
	return answer;
}
