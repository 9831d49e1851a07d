/* SPDX-License-Identifier: MIT */
/*
 * heap COUNT BLOCKS: in a private heap with so many live blocks, COUNT times a random one is
 * freed and another allocated: the loop whose instructions heap.sh counts.
 */
#include <kmem.h>
#include <stdint.h>
#include <stdlib.h>

static uint64_t state = 1;

static size_t next_below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)((state >> 32) * (uint64_t)n >> 32);
}

int main(int argc, char **argv)
{
	size_t count = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	size_t n = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	struct kmem_heap *heap = kmem_heap_create("insn", NULL);
	void **blocks = calloc(n, sizeof(*blocks));

	if (!heap || !blocks)
		return 2;
	for (size_t i = 0; i < n; i++)
		blocks[i] = kmem_heap_alloc(heap, 24 + next_below(97));
	/* n more, so that free memory of all sizes is among them before those that count. */
	for (size_t i = 0; i < n + count; i++) {
		void **block = &blocks[next_below(n)];

		kmem_heap_free(heap, *block);
		*block = kmem_heap_alloc(heap, 24 + next_below(97));
		if (!*block)
			return 3;
	}
	return 0;
}
