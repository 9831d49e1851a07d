// SPDX-License-Identifier: MIT
/* A hash table of stacks, to which is only added: see stacks.h. */
#include "buddy/stacks.h"

#include "buddy/meta.h"
#include "buddy/unwind.h"

#include <elf.h>
#include <kmem/inspect.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#define BUCKETS 8192u

struct stack {
	uint32_t next; /* meta index of the next in the bucket; 0: none */
	uint32_t hash;
	uint64_t nframes;
	uintptr_t frames[];
};

/* Published as it is: kmem/inspect.h. */
_Static_assert(offsetof(struct stack, nframes) == offsetof(struct kmem_root_stack, nframes) &&
		       offsetof(struct stack, frames) == sizeof(struct kmem_root_stack),
	       "a stack");

static _Atomic uint32_t buckets[BUCKETS];

/* The linker's: where the module begins, and where its code ends. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

/* Is the library part of the program itself, so that all of the program's code seems to be ours? */
static bool is_in_program(void)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)__ehdr_start;

	return (uintptr_t)header + header->e_phoff == getauxval(AT_PHDR);
}

/* Frames of our own come first, and tell nobody anything. */
static unsigned own_frames(const uintptr_t *frames, unsigned n)
{
	static _Atomic int in_program = -1;
	int known = atomic_load_explicit(&in_program, memory_order_relaxed);
	unsigned i = 0;

	if (known < 0) {
		known = is_in_program();
		atomic_store_explicit(&in_program, known, memory_order_relaxed);
	}
	if (known)
		return 0;
	while (i < n &&
	       frames[i] - (uintptr_t)__ehdr_start < (uintptr_t)etext - (uintptr_t)__ehdr_start)
		i++;
	return i < n ? i : 0;
}

static uint32_t hash_of(const uintptr_t *frames, unsigned n)
{
	uint64_t hash = n;

	for (unsigned i = 0; i < n; i++)
		hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(hash >> 32);
}

static uint32_t find(uint32_t number, uint32_t end, uint32_t hash, const uintptr_t *frames,
		     unsigned n)
{
	for (; number != end; number = ((struct stack *)meta_at(number))->next) {
		const struct stack *stack = meta_at(number);

		if (stack->hash == hash && stack->nframes == n &&
		    memcmp(stack->frames, frames, n * sizeof(frames[0])) == 0)
			return number;
	}
	return 0;
}

/* Two that enter one stack at once: the second finds the first's when its swap fails. */
static uint32_t enter(_Atomic uint32_t *bucket, uint32_t first, uint32_t hash,
		      const uintptr_t *frames, unsigned n)
{
	struct stack *stack = meta_alloc(sizeof(*stack) + n * sizeof(frames[0]), 16);
	uint32_t seen, found = 0;

	if (!stack)
		return 0;
	stack->hash = hash;
	stack->nframes = n;
	memcpy(stack->frames, frames, n * sizeof(frames[0]));
	do {
		stack->next = seen = first;
		/* release: the stack; pairs with the acquire in stack_here */
		if (atomic_compare_exchange_strong_explicit(bucket, &first, meta_index(stack),
							    memory_order_release,
							    memory_order_acquire))
			return meta_index(stack);
		found = find(first, seen, hash, frames, n);
	} while (!found);
	return found;
}

unsigned stack_now(uintptr_t *frames, unsigned most)
{
	unsigned n = unwind(frames, most), own = own_frames(frames, n);

	memmove(frames, frames + own, (n - own) * sizeof(frames[0]));
	return n - own;
}

uint32_t stack_here(void)
{
	uintptr_t all[STACK_DEPTH], *frames = all;
	unsigned n = unwind(all, STACK_DEPTH), own = own_frames(all, n);
	uint32_t hash, first, found;
	_Atomic uint32_t *bucket;

	if (n == 0)
		return 0;
	frames += own;
	n -= own;
	hash = hash_of(frames, n);
	bucket = &buckets[hash % BUCKETS];
	/* acquire: stacks entered by others; pairs with the release in enter */
	first = atomic_load_explicit(bucket, memory_order_acquire);
	found = find(first, 0, hash, frames, n);
	return found ? found : enter(bucket, first, hash, frames, n);
}

/* Programs may have written over what a number was read from: it is one if its bucket has it. */
static const struct stack *stack_of(uint32_t number)
{
	const struct stack *stack = meta_at(number);
	uint32_t other;

	if (!meta_has(number, sizeof(*stack)))
		return NULL;
	/* acquire: pairs with the release in enter */
	other = atomic_load_explicit(&buckets[stack->hash % BUCKETS], memory_order_acquire);
	while (other && other != number)
		other = ((const struct stack *)meta_at(other))->next;
	return other ? stack : NULL;
}

unsigned stack_frames(uint32_t number, const uintptr_t **frames)
{
	const struct stack *stack = stack_of(number);

	if (!stack)
		return 0;
	*frames = stack->frames;
	return (unsigned)stack->nframes;
}
