// SPDX-License-Identifier: MIT
/* See discarded.h. */
#include "discarded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <unistd.h>

char *heap_grow(size_t *nbytes)
{
	static int begun;
	char *base;

	if (!begun) {
		uintptr_t end = (uintptr_t)sbrk(0);

		sbrk((intptr_t)((ALIGN - end % ALIGN) % ALIGN + HEAD));
		begun = 1;
	}
	*nbytes = (*nbytes + STEP - 1) & ~(STEP - 1);
	base = sbrk((intptr_t)*nbytes);
	return base == (char *)-1 ? NULL : base;
}

static void check_thread(void)
{
	static const char text[] = "a design for one thread: kmem-replay --threads=1\n";

	if (__libc_single_threaded)
		return;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILURE);
	abort();
}

void *malloc(size_t nbytes)
{
	void *block = NULL;

	check_thread();
	if (nbytes <= PTRDIFF_MAX)
		block = design_take(nbytes);
	if (!block)
		errno = ENOMEM;
	return block;
}

void free(void *block)
{
	check_thread();
	if (block)
		design_give(block);
}

void *calloc(size_t count, size_t nbytes)
{
	void *block = NULL;
	size_t all;

	if (!__builtin_mul_overflow(count, nbytes, &all))
		block = malloc(all);
	return block ? memset(block, 0, all) : NULL;
}

void *realloc(void *block, size_t nbytes)
{
	size_t had = block ? design_usable(block) : 0;
	void *other;

	if (block && nbytes <= had)
		return block;
	other = malloc(nbytes);
	if (other && block) {
		memcpy(other, block, had);
		free(block);
	}
	return other;
}

void *aligned_alloc(size_t align, size_t nbytes)
{
	if (align <= ALIGN)
		return malloc(nbytes);
	errno = ENOMEM;
	return NULL;
}

size_t malloc_usable_size(void *block)
{
	return block ? design_usable(block) : 0;
}
