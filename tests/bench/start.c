/* SPDX-License-Identifier: MIT */
/*
 * start: a process that does nothing but one malloc and free. Time, peak resident size and
 * system calls are taken from outside (measure.c runs it 100 times; strace -c counts).
 *
 * Stresses: what an allocator does before anyone needs it: mappings, tables, constructors.
 * Origin: the many short processes of shells, builds and CGI.
 */
#include <stdlib.h>

int main(void)
{
	void *volatile block = malloc(64);

	free(block);
	return 0;
}
