// SPDX-License-Identifier: MIT
/* Stacks under numbers: one each, whoever enters it, and whoever enters it at once. */
#include "unit.h"

#include "buddy/root.h"
#include "buddy/stacks.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define NTHREADS 8u
#define DEPTHS	 40u
#define SLOW	 (UNDER_TSAN || UNDER_ASAN) /* a tenth of some loops will do */

static __attribute__((noinline)) uint32_t enter(void)
{
	uint32_t number = stack_here(NULL);

	__asm__ volatile("" ::: "memory"); /* no tail call */
	return number;
}

static __attribute__((noinline)) uint32_t enter_deep(unsigned depth)
{
	uint32_t number = depth > 0 ? enter_deep(depth - 1) : enter();

	__asm__ volatile("" : "+r"(number));
	return number;
}

START_TEST(the_same_place_is_the_same_number)
{
	uint32_t numbers[3];

	/* One place, even if the compiler would unroll the loop. */
	for (volatile unsigned i = 0; i < 3; i++)
		numbers[i] = enter();
	ck_assert_uint_ne(numbers[0], 0);
	ck_assert_uint_eq(numbers[0], numbers[1]);
	ck_assert_uint_eq(numbers[0], numbers[2]);
	ck_assert_uint_ne(enter(), numbers[0]);
}
END_TEST

/* The test's own functions are in it, though the library is part of the same program. */
START_TEST(frames_are_those_of_the_caller)
{
	const uintptr_t *frames = NULL;
	unsigned n = stack_frames(enter(), &frames), mine = 0;

	ck_assert_uint_ge(n, 2);
	ck_assert_uint_le(n, STACK_DEPTH);
	for (unsigned i = 0; i < n; i++)
		mine += frames[i] - (uintptr_t)enter < 200;
	ck_assert_uint_ge(mine, 1);
	ck_assert_uint_eq(stack_frames(0, &frames), 0);
}
END_TEST

START_TEST(each_depth_is_another)
{
	uint32_t numbers[10];

	for (unsigned i = 0; i < 10; i++) {
		numbers[i] = enter_deep(i);
		for (unsigned k = 0; k < i; k++)
			require(numbers[k] != numbers[i]);
	}
}
END_TEST

/* As they stand in tracks that somebody has written over. */
START_TEST(other_numbers_are_no_stacks)
{
	uint32_t number = enter_deep(3);
	const uintptr_t *frames;

	require(stack_frames(number, &frames) > 0);
	require(stack_frames(number + 1, &frames) == 0);
	require(stack_frames(0x41414141, &frames) == 0);
	for (uint64_t other = 0; other <= UINT32_MAX; other += SLOW ? 0x100001 : 0x10001)
		if (other != number)
			stack_frames((uint32_t)other, &frames);
}
END_TEST

static pthread_barrier_t barrier;
static uint32_t entered[NTHREADS][DEPTHS];

static void *enter_all(void *number)
{
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < DEPTHS; i++)
		entered[(uintptr_t)number][i] = enter_deep(i);
	return NULL;
}

START_TEST(threads_that_enter_at_once_agree)
{
	pthread_t threads[NTHREADS];

	pthread_barrier_init(&barrier, NULL, NTHREADS);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, enter_all, (void *)i);
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < NTHREADS; i++)
		for (unsigned k = 0; k < DEPTHS; k++)
			require(entered[i][k] && entered[i][k] == entered[0][k]);
}
END_TEST

static struct stack_memo *memo;

/* Known or not, it is what a walk finds; the two differ in where they are called here. */
static __attribute__((noinline)) void look(void)
{
	const uintptr_t *known = NULL, *walked = NULL;
	unsigned n = stack_frames(stack_here(memo), &known);

	require(n > 1 && n == stack_frames(stack_here(NULL), &walked));
	require(memcmp(known + 1, walked + 1, (n - 1) * sizeof(known[0])) == 0);
}

/* Frames of several kinds and sizes, in any order; now and then a look, from two places. */
static __attribute__((noinline)) int wander(uint64_t *random, unsigned depth)
{
	size_t nbytes = below(random, 3) ? 0 : below(random, 500);
	char pad[nbytes + 1];

	memset(pad, 1, nbytes + 1);
	__asm__ volatile("" ::"r"(pad) : "memory");
	if (below(random, 3) == 0)
		look();
	while (depth > 0 && below(random, 4))
		wander(random, depth - 1 - (unsigned)below(random, depth));
	look();
	return pad[nbytes];
}

static void on_signal(int signal)
{
	uint64_t random = unit_next() | 1;

	(void)signal;
	wander(&random, 5);
}

START_TEST(what_is_known_is_what_a_walk_finds)
{
	uint64_t random = unit_next() | 1;

	memo = stack_memo_new();
	signal(SIGUSR1, on_signal);
	for (unsigned i = 0; i < (SLOW ? 10 : 100); i++) {
		wander(&random, 20);
		raise(SIGUSR1);
	}
}
END_TEST

static uint32_t last;

#define BRANCH(depth)                                                                              \
	branch(depth);                                                                             \
	__asm__ volatile("" ::: "memory")

/* Four ways at each step down: 4^9 stacks. */
static __attribute__((noinline)) void branch(unsigned depth)
{
	if (depth == 0) {
		last = stack_here(NULL);
		return;
	}
	BRANCH(depth - 1);
	BRANCH(depth - 1);
	BRANCH(depth - 1);
	BRANCH(depth - 1);
}

START_TEST(of_very_many_the_innermost_frames)
{
	const uintptr_t *frames = NULL;
	uint32_t again;

	branch(9);
	ck_assert_uint_eq(stack_frames(last, &frames), 4);
	again = last;
	branch(9);
	ck_assert_uint_eq(last, again);
}
END_TEST

#if defined(__x86_64__)

#define NPIECES 300000u

static uint32_t here(void)
{
	return stack_here(NULL);
}

/* Each piece of code calls what it is told to, from an address of its own. */
static unsigned char *make_code(void)
{
	static const unsigned char piece[16] = {0x48, 0x83, 0xec, 8, /* sub $8, %rsp */
						0xff, 0xd7,	     /* call *%rdi */
						0x48, 0x83, 0xc4, 8, /* add $8, %rsp */
						0xc3};		     /* ret */
	unsigned char *code =
		mmap(NULL, NPIECES * sizeof(piece), PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(code, MAP_FAILED);
	for (unsigned i = 0; i < NPIECES; i++)
		memcpy(code + i * sizeof(piece), piece, sizeof(piece));
	return code;
}

START_TEST(of_ever_new_code_no_more)
{
	unsigned char *code = make_code();
	uint64_t meta = root_record.meta_bytes;
	unsigned nkept = 0;

	for (unsigned i = 0; i < NPIECES; i++) {
		uint32_t (*call)(uint32_t(*)(void)) = (void *)(code + i * 16);

		last = call(here);
		nkept += last != 0;
	}
	ck_assert_uint_eq(nkept, 262144);
	ck_assert_uint_eq(last, 0);
	ck_assert_uint_le(root_record.meta_bytes - meta, 25u << 20);
}
END_TEST

#else

START_TEST(of_ever_new_code_no_more)
{
}
END_TEST

#endif

UNIT_MAIN("stacks", of_ever_new_code_no_more, of_very_many_the_innermost_frames,
	  what_is_known_is_what_a_walk_finds, the_same_place_is_the_same_number,
	  frames_are_those_of_the_caller, each_depth_is_another, other_numbers_are_no_stacks,
	  threads_that_enter_at_once_agree)
