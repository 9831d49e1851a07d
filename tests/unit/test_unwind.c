// SPDX-License-Identifier: MIT
/* Stacks: through all kinds of frames, as the C library's own unwinder sees them, and no further.
 */
#include "unit.h"

#include "buddy/unwind.h"

#include <execinfo.h>
#include <pthread.h>
#include <sys/mman.h>

#define MOST 64

static uintptr_t frames[MOST];
static void *theirs[MOST];
static unsigned nframes;
static int ntheirs;

/* Both from here; the caller's frame differs by where in it each was called. */
static __attribute__((noinline)) int look(void)
{
	nframes = unwind(frames, MOST);
	ntheirs = backtrace(theirs, MOST);
	return (int)nframes; /* no tail call */
}

/* Ours begin with who called look; theirs have look first, and a sanitizer's wrapper. */
static void require_same(unsigned least)
{
	int first = 1;

	ck_assert_uint_ge(nframes, least);
	while (first < 3 && (uintptr_t)theirs[first] != frames[0])
		first++;
	for (unsigned i = 0; i < nframes && first + (int)i < ntheirs; i++)
		ck_assert_msg(frames[i] == (uintptr_t)theirs[first + (int)i],
			      "frame %u: %p, theirs %p", i, (void *)frames[i],
			      theirs[first + (int)i]);
	ck_assert_int_eq((int)nframes, ntheirs - first);
}

static __attribute__((noinline)) int deep(int n)
{
	char pad[64];

	memset(pad, n, sizeof(pad));
	__asm__ volatile("" ::"r"(pad) : "memory");
	return n == 0 ? look() : deep(n - 1) + pad[3];
}

START_TEST(a_recursion)
{
	deep(20);
	require_same(22);
	deep(20); /* from the cache */
	require_same(22);
}
END_TEST

/* Its frame is found by the frame pointer. */
static __attribute__((noinline)) int variable(size_t nbytes)
{
	char pad[nbytes];

	memset(pad, 1, nbytes);
	__asm__ volatile("" ::"r"(pad) : "memory");
	return look() + pad[nbytes / 2];
}

START_TEST(a_frame_of_variable_size)
{
	for (size_t nbytes = 16; nbytes < 100000; nbytes *= 7) {
		variable(nbytes);
		require_same(3);
	}
}
END_TEST

/* Its stack is realigned. */
static __attribute__((noinline)) int aligned(size_t nbytes)
{
	_Alignas(256) char pad[256];
	char more[nbytes];

	memset(pad, 1, sizeof(pad));
	memset(more, 1, nbytes);
	__asm__ volatile("" ::"r"(pad), "r"(more) : "memory");
	return look() + pad[3] + more[1];
}

START_TEST(a_realigned_frame)
{
	aligned(100);
	require_same(3);
}
END_TEST

/* Larger than the cache of rules can say. */
static __attribute__((noinline)) int large(void)
{
	static char pad[1];
	char much[6 << 20];

	much[0] = pad[0];
	__asm__ volatile("" ::"r"(much) : "memory");
	return look() + much[0];
}

START_TEST(a_large_frame)
{
	large();
	require_same(3);
}
END_TEST

static int compare(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return look() & 0;
}

START_TEST(through_the_C_library)
{
	int numbers[2] = {2, 1};

	qsort(numbers, 2, sizeof(numbers[0]), compare);
	require_same(4);
}
END_TEST

static void handler(int signal)
{
	(void)signal;
	look();
}

static unsigned nsignal;
static uintptr_t signal_frames[MOST];

static void handler_with_context(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	nsignal = unwind_signal(context, signal_frames, MOST);
}

START_TEST(through_a_signal_handler)
{
	look(); /* the first backtrace() allocates */
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	require_same(4);
}
END_TEST

START_TEST(through_one_on_a_stack_of_its_own)
{
	stack_t stack = {.ss_size = 65536};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};

	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
	sigaction(SIGUSR1, &action, NULL);
	look();
	raise(SIGUSR1);
	require_same(4);
}
END_TEST

START_TEST(from_where_a_signal_came)
{
	struct sigaction action = {.sa_sigaction = handler_with_context, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &action, NULL);
	look();
	raise(SIGUSR1);
	ck_assert_uint_ge(nsignal, 3);
	/* The outermost frames are those of look. */
	for (unsigned i = 1; i < 3; i++)
		ck_assert_uint_eq(signal_frames[nsignal - i], frames[nframes - i]);
}
END_TEST

static void *in_thread(void *unused)
{
	deep(5);
	return unused;
}

START_TEST(to_the_beginning_of_a_thread)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, in_thread, NULL), 0);
	pthread_join(thread, NULL);
	require_same(8);
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
	uintptr_t few[4] = {0};

	ck_assert_uint_eq(unwind(few, 3), 3);
	ck_assert(few[2] && !few[3]);
	ck_assert_uint_eq(unwind(few, 0), 0);
}
END_TEST

/* Code that nobody described: the stack ends there. */
START_TEST(code_without_information)
{
#if defined(__x86_64__)
	/* sub $8, %rsp; call *%rdi; add $8, %rsp; ret */
	static const unsigned char code[] = {0x48, 0x83, 0xec, 8, 0xff, 0xd7,
					     0x48, 0x83, 0xc4, 8, 0xc3};
	unsigned char *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, code, sizeof(code));
	ck_assert_int_eq(mprotect(page, 4096, PROT_READ | PROT_EXEC), 0);
	((void (*)(int (*)(void)))(uintptr_t)page)(look);
	ck_assert_uint_eq(nframes, 1);
	ck_assert_uint_eq(frames[0], (uintptr_t)page + 6);
#endif
}
END_TEST

UNIT_MAIN("unwind", a_recursion, a_frame_of_variable_size, a_realigned_frame, a_large_frame,
	  through_the_C_library, through_a_signal_handler, through_one_on_a_stack_of_its_own,
	  from_where_a_signal_came, to_the_beginning_of_a_thread, no_more_than_there_is_room_for,
	  code_without_information)
