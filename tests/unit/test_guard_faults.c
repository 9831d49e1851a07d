// SPDX-License-Identifier: MIT
/* Who hears of faults: the pool's handler first, then whoever was there before. */
#include "guarded.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

static char *foreign;

static void fall(int number)
{
	(void)number;
	_exit(7);
}

static void fall_with_address(int number, siginfo_t *info, void *context)
{
	(void)context;
	_exit(number == SIGSEGV && info->si_addr == foreign ? 8 : 9);
}

static void touch_foreign(void)
{
	foreign = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(volatile char *)foreign = 1;
}

static void touch_with_handler(void)
{
	signal(SIGSEGV, fall);
	guard_on();
	kmem_free(guarded_object(NULL, 40, EDGE_ANY));
	touch_foreign();
}

static void touch_with_action(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO};

	action.sa_sigaction = fall_with_address;
	sigaction(SIGSEGV, &action, NULL);
	guard_on();
	kmem_free(guarded_object(NULL, 40, EDGE_ANY));
	touch_foreign();
}

static void touch_without(void)
{
	signal(SIGSEGV, SIG_DFL);
	guard_on();
	kmem_free(guarded_object(NULL, 40, EDGE_ANY));
	touch_foreign();
}

static void be_sent_one(void)
{
	signal(SIGSEGV, SIG_DFL);
	guard_on();
	kmem_free(guarded_object(NULL, 40, EDGE_ANY));
	raise(SIGSEGV);
}

static void ignore_one(void)
{
	signal(SIGBUS, SIG_IGN);
	guard_on();
	kmem_free(guarded_object(NULL, 40, EDGE_ANY));
	raise(SIGBUS);
	_exit(3);
}

START_TEST(other_faults_go_on_to_who_was_there)
{
	struct last_words words = unit_child(touch_with_handler);

	ck_assert_int_eq(WEXITSTATUS(words.status), 7);
	words = unit_child(touch_with_action);
	ck_assert_int_eq(WEXITSTATUS(words.status), 8);
	words = unit_child(ignore_one);
	ck_assert_int_eq(WEXITSTATUS(words.status), 3);
	words = unit_child(touch_without);
	ck_assert(WIFSIGNALED(words.status) && WTERMSIG(words.status) == SIGSEGV);
	words = unit_child(be_sent_one);
	ck_assert(WIFSIGNALED(words.status) && WTERMSIG(words.status) == SIGSEGV);
}
END_TEST

/* A program may take the rights away from its own page, and expect to be told. */
static void protect_own_page(void)
{
	char *page;

	signal(SIGSEGV, fall);
	guard_on();
	page = guarded_object(NULL, 4096, EDGE_ANY);
	mprotect(page, 4096, PROT_READ);
	*(volatile char *)page = 1;
}

START_TEST(faults_on_a_live_page_are_the_programs)
{
	struct last_words words = unit_child(protect_own_page);

	ck_assert_int_eq(WEXITSTATUS(words.status), 7);
	ck_assert_str_eq(words.text, "");
}
END_TEST

/* The signal's stack is one of the program's own. */
static void use_freed_on_another_stack(void)
{
	static char stack[64 << 10];
	stack_t other_stack = {.ss_sp = stack, .ss_size = sizeof(stack)};
	char *block;

	sigaltstack(&other_stack, NULL);
	guard_on();
	block = guarded_object(NULL, 40, EDGE_ANY);
	kmem_free(block);
	(void)*(volatile char *)block;
}

START_TEST(a_report_from_another_stack)
{
	struct last_words words = unit_child(use_freed_on_another_stack);

	ck_assert(unit_aborted(&words));
	ck_assert_ptr_nonnull(strstr(words.text, "BUG: KFENCE: use-after-free read in 0x"));
}
END_TEST

/* Where two threads fault on one page, one report opens it for both. */
static _Atomic unsigned nreaders;

static void *read_when_both(void *block)
{
	nreaders++;
	while (nreaders < 2)
		;
	return (void *)(uintptr_t)(*(volatile char *)block & 0);
}

static void two_read_freed(void)
{
	pthread_t threads[2];
	void *block;

	kmem_option_set("on_error", "continue");
	guard_on();
	/* Two reports each, at most: more than last_words holds would end the child. */
	for (int round = 0; round < 4; round++) {
		block = guarded_object(NULL, 40, EDGE_ANY);
		kmem_free(block);
		nreaders = 0;
		for (int i = 0; i < 2; i++)
			require(pthread_create(&threads[i], NULL, read_when_both, block) == 0);
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
	}
}

START_TEST(two_threads_fault_on_one_page)
{
	struct last_words words = unit_child(two_read_freed);

	ck_assert_int_eq(words.status, 0);
}
END_TEST

UNIT_MAIN("guard_faults", other_faults_go_on_to_who_was_there,
	  faults_on_a_live_page_are_the_programs, a_report_from_another_stack,
	  two_threads_fault_on_one_page)
