// SPDX-License-Identifier: MIT
/* The helper of stacks: the program sees nothing of it, and it is of use only if it answers well.
 */
#include "symbol_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>

static char script[64]; /* a program to be run as the helper */
static const char *script_text;

static _Atomic int nsignals;

static void on_child(int number)
{
	(void)number;
	nsignals++;
}

static unsigned count_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned n = 0;

	while (folder && readdir(folder))
		n++;
	closedir(folder);
	return n;
}

/* Neither child, signal, file, nor a signal mask that stays. */
static void print_unseen(void)
{
	unsigned nfiles = count_files();
	sigset_t before, after;

	signal(SIGCHLD, on_child);
	sigprocmask(SIG_SETMASK, NULL, &before);
	print();
	sigprocmask(SIG_SETMASK, NULL, &after);
	if (nsignals != 0 || memcmp(&before, &after, 8) != 0 || count_files() != nfiles ||
	    waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD ||
	    waitpid(-1, NULL, WNOHANG | 0x40000000 /* __WALL */) != -1 || errno != ECHILD)
		_exit(1);
}

static void *wait_for_any(void *pid)
{
	*(pid_t *)pid = waitpid(-1, NULL, 0);
	return NULL;
}

/* Somebody waits for whatever child there is, meanwhile. */
static void print_while_another_waits(void)
{
	pid_t seen = 0, child = fork();
	pthread_t thread;

	if (child == 0) {
		unit_sleep_ms(300);
		_exit(0);
	}
	pthread_create(&thread, NULL, wait_for_any, &seen);
	print();
	pthread_join(thread, NULL);
	if (seen != child)
		_exit(1);
}

START_TEST(the_helper_is_not_seen)
{
	set_known();
	symbol_helper_set(HAVE_HELPER ? TEST_KMEM_SYMBOLS : "/bin/cat");
	expect_text(print_unseen, "\tknown+0x2/0x");
	expect_text(print_while_another_waits, "\tknown+0x2/0x");
}
END_TEST

static void make_script(void)
{
	FILE *file;

	snprintf(script, sizeof(script), "/tmp/symbol-test-%d.sh", (int)getpid());
	file = fopen(script, "w");
	require(file);
	fputs(script_text, file);
	fclose(file);
	require(chmod(script, 0700) == 0);
	symbol_helper_set(script);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The second time it is known to be of no use. A busy machine has some time to spare. */
static void print_twice(void)
{
	double begin = now_s();

	print();
	if (now_s() - begin > 10)
		_exit(1);
	begin = now_s();
	print();
	if (now_s() - begin > 1.5)
		_exit(2);
}

static void expect_no_use(void)
{
	struct last_words words = unit_child(print_twice);

	ck_assert_msg(words.status == 0, "%s: status %#x, %s", script_text, (unsigned)words.status,
		      words.text);
	ck_assert_uint_eq(unit_count(words.text, "\tknown+0x2/0x"), 2);
	ck_assert_uint_eq(unit_count(words.text, "\n"), 2);
}

START_TEST(a_helper_that_is_of_no_use)
{
	static const char *const texts[] = {
		"#!/bin/sh\nexec sleep 60\n",
		"#!/bin/sh\nexec yes\n",
		"#!/bin/sh\nexit 1\n",
		"#!/none\n",
		"",
		"#!/bin/sh\nread x; kill -SEGV $$\n",
		"#!/bin/sh\necho a >&2\n",
	};

	set_known();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		script_text = texts[i];
		make_script();
		expect_no_use();
	}
	unlink(script);
	expect_no_use();
	symbol_helper_set("/bin/cat"); /* its answer has no end */
	expect_no_use();
	symbol_helper_set("/");
	expect_no_use();
}
END_TEST

/* What it says is text, and no more than that. */
START_TEST(a_helper_that_says_strange_things)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"#!/bin/sh\nread x; printf '\\n'; read x\n", "\tknown+0x2/"},
		{"#!/bin/sh\nread x; printf 'f\\n\\n'; read x\n", "\tknown+0x2/"},
		{"#!/bin/sh\nread x; printf '\\t\\t\\n\\t\\n\\n'; read x\n", "\tknown+0x2/"},
		{"#!/bin/sh\nread x; printf 'f\\ta\\033[1mb:1\\tx y\\n\\n'; read x\n",
		 "  a?[1mb:1\n"},
		{"#!/bin/sh\nread x; printf 'i\\ta:1\\nf\\tb:2\\n\\n'; read x\n",
		 "\t  (inlined) i  a:1\n\tknown+0x2/"},
		{"#!/bin/sh\nread x; echo \"${LD_PRELOAD-none}$KMEM_OPTIONS\" | tr '\\n' '\\t'; "
		 "printf 'b:2\\n\\n'; read x\n",
		 "  b:2\n"},
	};

	set_known();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		script_text = cases[i].text;
		make_script();
		expect_text(print, cases[i].expected);
	}
	unlink(script);
}
END_TEST

/* This program as another would start it. */
__attribute__((constructor)) static void begin(void)
{
	if (!getenv("TEST_SYMBOL_PRINT"))
		return;
	set_known();
	print();
	_exit(0);
}

static void start_again(void)
{
	char *const args[] = {"test", NULL};
	char variable[96];
	char *env[] = {"TEST_SYMBOL_PRINT=1", variable, NULL};

	snprintf(variable, sizeof(variable), "KMEM_SYMBOLS=%s", script);
	execve("/proc/self/exe", args, env);
	_exit(1);
}

START_TEST(named_by_the_environment)
{
	struct last_words words;

	script_text = "#!/bin/sh\nread x; printf '\\tfrom:1\\n\\n'; read x\n";
	make_script();
	expect_text(start_again, "  from:1\n");
	unlink(script);
	script[0] = '\0'; /* none at all */
	words = unit_child(start_again);
	ck_assert_int_eq(words.status, 0);
	ck_assert_uint_eq(unit_count(words.text, "\tknown+0x2/"), 1);
	ck_assert_ptr_null(strchr(words.text, ':'));
}
END_TEST

UNIT_MAIN("symbol_helper", the_helper_is_not_seen, a_helper_that_is_of_no_use,
	  a_helper_that_says_strange_things, named_by_the_environment)
