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

#define BUCKETS 65536u
#define MANY	131072u /* stacks; where there are more … */
#define FEW	4u	/* … no more frames of each are kept */
#define MOST	262144u /* and no more stacks: code made at run time is at ever new addresses */
#define SETS	64u
#define WAYS	4u

struct stack {
	uint64_t hash;
	uint32_t next; /* meta index of the next in the bucket; 0: none */
	uint32_t nframes;
	uintptr_t frames[];
};

/* Published as it is: kmem/inspect.h. */
_Static_assert(offsetof(struct stack, nframes) == offsetof(struct kmem_root_stack, nframes) &&
		       offsetof(struct stack, frames) == sizeof(struct kmem_root_stack),
	       "a stack");

/*
 * A walk that is known: from the same place it is the same again, if the words that it depended on
 * are. To compare them takes a fifth of the time, and the number needs no looking for.
 */
struct known {
	uintptr_t sp; /* where it began; 0: none */
	uintptr_t fp;
	uint32_t number;
	uint16_t nwords;
	bool by_fp;
	uint64_t words[UNWIND_WORDS]; /* in order: distance from sp in eights 16 bits, value 48 */
};

struct stack_memo {
	struct known sets[SETS][WAYS];
	uint32_t turn;
};

static _Atomic uint32_t buckets[BUCKETS];
static _Atomic uint32_t nstacks; /* in them */

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

static uint64_t hash_of(const uintptr_t *frames, unsigned n)
{
	uint64_t hash = n;

	for (unsigned i = 0; i < n; i++) {
		hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	return hash;
}

/* Two stacks of one hash of 64 bits are taken for one: a program has some thousands. */
static uint32_t find(uint32_t number, uint32_t end, uint64_t hash)
{
	while (number != end) {
		const struct stack *stack = meta_at(number);

		if (stack->hash == hash)
			return number;
		number = stack->next;
	}
	return 0;
}

/* Two that enter one stack at once: the second finds the first's when its swap fails. */
static uint32_t enter(_Atomic uint32_t *bucket, uint32_t first, uint64_t hash,
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
		/* release: the stack; pairs with the acquire in number_of */
		if (atomic_compare_exchange_strong_explicit(bucket, &first, meta_index(stack),
							    memory_order_release,
							    memory_order_acquire)) {
			atomic_fetch_add_explicit(&nstacks, 1, memory_order_relaxed);
			return meta_index(stack);
		}
		found = find(first, seen, hash);
	} while (!found);
	return found;
}

unsigned stack_now(uintptr_t *frames, unsigned most)
{
	unsigned n = unwind(frames, most), own = own_frames(frames, n);

	memmove(frames, frames + own, (n - own) * sizeof(frames[0]));
	return n - own;
}

struct stack_memo *stack_memo_new(void)
{
	return meta_alloc(sizeof(struct stack_memo), 64);
}

static struct known *set_of(struct stack_memo *memo, uintptr_t sp)
{
	return memo->sets[(sp / 16 ^ sp / 16 / SETS) % SETS];
}

static bool is_same(const struct known *known, const struct unwind_registers *start)
{
	if (known->sp != start->sp || (known->by_fp && known->fp != start->fp))
		return false;
	/* Each is on the stack if those before it are the same. */
	for (unsigned i = 0; i < known->nwords; i++) {
		uint64_t word = known->words[i];

		if (((const uint64_t *)start->sp)[word >> 48] != word << 16 >> 16)
			return false;
	}
	return true;
}

static uint32_t recall(struct stack_memo *memo, const struct unwind_registers *start)
{
	const struct known *set = set_of(memo, start->sp);

	for (unsigned i = 0; i < WAYS; i++)
		if (is_same(&set[i], start))
			return set[i].number;
	return 0;
}

static void remember(struct stack_memo *memo, const struct unwind_registers *start,
		     const struct unwind_words *words, uint32_t number)
{
	struct known *known = &set_of(memo, start->sp)[memo->turn++ % WAYS];

	if (!words->all || !number)
		return;
	/* A signal's handler may look here at any time. */
	known->sp = 0;
	atomic_signal_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < words->n; i++) {
		uintptr_t eights = (words->word[i].addr - start->sp) / 8;

		if (eights >> 16 || words->word[i].value >> 48)
			return;
		known->words[i] = eights << 48 | words->word[i].value;
	}
	known->nwords = (uint16_t)words->n;
	known->number = number;
	known->fp = start->fp;
	known->by_fp = words->by_fp;
	atomic_signal_fence(memory_order_seq_cst);
	known->sp = start->sp;
}

/* many: stacks that there are. */
static uint32_t number_of(const uintptr_t *frames, unsigned n, uint32_t many)
{
	uint64_t hash = hash_of(frames, n);
	_Atomic uint32_t *bucket = &buckets[hash % BUCKETS];
	/* acquire: stacks entered by others; pairs with the release in enter */
	uint32_t first = atomic_load_explicit(bucket, memory_order_acquire);
	uint32_t found = find(first, 0, hash);

	return found || many >= MOST ? found : enter(bucket, first, hash, frames, n);
}

uint32_t stack_here(struct stack_memo *memo)
{
	struct unwind_registers start = unwind_here();
	uint32_t number = memo ? recall(memo, &start) : 0;
	uintptr_t frames[STACK_DEPTH];
	struct unwind_words words;
	uint32_t many = atomic_load_explicit(&nstacks, memory_order_relaxed);
	unsigned n, own;

	if (number)
		return number;
	n = unwind_from(&start, &words, frames, STACK_DEPTH);
	own = own_frames(frames, n);
	n -= own;
	/* Recursion down a tree has a stack for each of its nodes. */
	if (n > FEW && many >= MANY)
		n = FEW;
	number = n ? number_of(frames + own, n, many) : 0;
	if (memo)
		remember(memo, &start, &words, number);
	return number;
}

/* What is read out of memory that somebody wrote over may be anything. */
static bool is_entered(uint32_t number)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		uint32_t at = atomic_load_explicit(&buckets[i], memory_order_acquire);

		for (; at; at = ((struct stack *)meta_at(at))->next)
			if (at == number)
				return true;
	}
	return false;
}

unsigned stack_frames(uint32_t number, const uintptr_t **frames)
{
	const struct stack *stack;

	if (!is_entered(number))
		return 0;
	stack = meta_at(number);
	*frames = stack->frames;
	return stack->nframes;
}
