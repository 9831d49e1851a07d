// SPDX-License-Identifier: MIT
/* Stacks in words: which lines there are, from which states of a process. */
#include "symbol_fixture.h"

#include "buddy/unwind.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>

static char text[512];

void a_global_function(void);
__attribute__((noinline)) void a_global_function(void)
{
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
}

static __attribute__((noinline)) void a_static_function(void)
{
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
}

START_TEST(a_function_of_ours)
{
	set_frame((uintptr_t)a_global_function + 4);
	expect_either("\ta_global_function+0x4/0x");
}
END_TEST

START_TEST(a_static_one)
{
	set_frame((uintptr_t)a_static_function + 3);
	expect_either("\ta_static_function+0x3/0x");
}
END_TEST

START_TEST(one_of_the_C_library)
{
	set_frame((uintptr_t)lcong48 + 1);
	expect_either("\tlcong48+0x1/0x");
	expect_either(" [libc.so.6]");
}
END_TEST

START_TEST(one_of_the_kernel)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	unsigned nfound = 0;

	if (!vdso)
		return;
	for (uintptr_t offset = 0x100; offset < 0x1000; offset += 0x40) {
		struct last_words words;

		set_frame(vdso + offset);
		words = unit_child(print_alone);
		ck_assert_int_eq(words.status, 0);
		ck_assert(strstr(words.text, "linux-vdso.so.1"));
		nfound += strstr(words.text, "__vdso_") || strstr(words.text, "clock_gettime") ||
			  strstr(words.text, "__kernel_");
	}
	ck_assert_uint_gt(nfound, 0);
}
END_TEST

START_TEST(addresses_in_no_file)
{
	set_frame(0);
	expect_either("\t0x0\n");
	set_frame(UINTPTR_MAX);
	expect_either("\t0xffffffffffffffff\n");
	set_frame((uintptr_t)sbrk(0));
	expect_either("\t0x");
	nframes = 0;
	ck_assert_str_eq(unit_child(print).text, "");
}
END_TEST

/* Data: in a file of ours, in no function. */
START_TEST(an_address_without_a_symbol)
{
	set_frame((uintptr_t)frames);
	expect_either("\ttest_symbol+0x");
}
END_TEST

static __attribute__((noinline)) uintptr_t behind_call(void)
{
	return (uintptr_t)__builtin_return_address(0);
}

static inline __attribute__((always_inline)) uintptr_t an_inlined_function(void)
{
	return behind_call();
}

START_TEST(file_and_line)
{
	int line = __LINE__ + 2;

	uintptr_t frame = behind_call();

	if (!HAVE_HELPER)
		return;
	set_frame(frame);
	snprintf(text, sizeof(text), "/tests/unit/test_symbol.c:%d\n", line);
	symbol_helper_set(TEST_KMEM_SYMBOLS);
	expect_text(print, text);
	symbol_helper_set(NULL); /* found beside the program */
	expect_text(print, text);
}
END_TEST

START_TEST(inlined_functions)
{
	int line = __LINE__ + 2;

	uintptr_t frame = an_inlined_function();

	if (!HAVE_HELPER)
		return;
	set_frame(frame);
	symbol_helper_set(TEST_KMEM_SYMBOLS);
	expect_text(print, "\t  (inlined) an_inlined_function  /");
	snprintf(text, sizeof(text), "/tests/unit/test_symbol.c:%d\n", line);
	expect_text(print, text);
}
END_TEST

static void print_many(void)
{
	uintptr_t many[300];

	for (unsigned i = 0; i < 300; i++)
		many[i] = i;
	symbols_print(many, 300);
}

/* More than a process apart can tell that it has done. */
START_TEST(each_of_many_frames_once)
{
	struct last_words words = unit_child(print_many);
	const char *at = words.text;

	for (unsigned i = 0; i < 300; i++) {
		int len = snprintf(text, sizeof(text), "\t%#x\n", i);

		if (i == 0)
			len = snprintf(text, sizeof(text), "\t0x0\n");
		require(strncmp(at, text, (size_t)len) == 0);
		at += len;
	}
	ck_assert_str_eq(at, "");
}
END_TEST

/* A library of the system as a file of our own, but for the byte at that offset. */
static void write_copy(const char *path, long changed)
{
	void *original = dlopen("libm.so.6", RTLD_NOW);
	FILE *from, *to;
	Dl_info info;
	int c;

	require(original && dladdr(dlsym(original, "nextafterf"), &info));
	unlink(path);
	from = fopen(info.dli_fname, "r");
	to = fopen(path, "w");
	require(from && to);
	for (long i = 0; (c = getc(from)) != EOF; i++)
		putc(i == changed ? c ^ 1 : c, to);
	fclose(from);
	fclose(to);
}

/* The first segment of notes of a library that is loaded. */
static Elf64_Phdr *note_of(void *library)
{
	struct link_map *map;
	Elf64_Ehdr *header;
	Elf64_Phdr *segment;

	require(dlinfo(library, RTLD_DI_LINKMAP, &map) == 0);
	header = (Elf64_Ehdr *)map->l_addr;
	segment = (Elf64_Phdr *)(map->l_addr + header->e_phoff);
	while (segment->p_type != PT_NOTE)
		segment++;
	return segment;
}

START_TEST(a_library_that_was_replaced)
{
	char path[64], expected[80];
	Elf64_Phdr *segment;
	void *copy;

	snprintf(path, sizeof(path), "/tmp/symbol-test-%d.so", (int)getpid());
	write_copy(path, -1);
	copy = dlopen(path, RTLD_NOW);
	ck_assert_ptr_nonnull(copy);
	set_frame((uintptr_t)dlsym(copy, "nextafterf") + 1);
	expect_either("\tnextafterf+0x1/0x");
	snprintf(expected, sizeof(expected), "[%s]", strrchr(path, '/') + 1);
	expect_either(expected);

	/* Another build, which only the notes tell. */
	segment = note_of(copy);
	write_copy(path, (long)segment->p_offset + (long)segment->p_filesz - 1);
	snprintf(expected, sizeof(expected), "\t%s+0x", strrchr(path, '/') + 1);
	expect_either(expected);
	unlink(path);
	expect_either(expected);
}
END_TEST

START_TEST(the_place_of_a_signal)
{
	/* Taken for a return address, its function is the one before, if any. */
	set_frame((uintptr_t)a_global_function);
	expect_text(print_signal, "\ta_global_function+0x0/0x");
	ck_assert_ptr_null(strstr(unit_child(print).text, "\ta_global_function"));
}
END_TEST

static void handler(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	nframes = unwind(frames, 64);
	print_alone();
	symbol_helper_set(NULL);
	nframes = unwind_signal(context, frames, 64);
	print_signal();
}

static __attribute__((noinline)) int interrupted(int n)
{
	for (volatile int i = 0; i < 10; i++)
		n += i;
	raise(SIGUSR1);
	__asm__ volatile(""); /* no tail call */
	return n;
}

static void print_in_handler(void)
{
	static char stack[65536];
	static volatile int result;
	stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	if (!UNDER_ASAN && !UNDER_TSAN) /* a small one */
		own.ss_size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 4096;
	require(own.ss_size <= sizeof(stack) && sigaltstack(&own, NULL) == 0);
	sigaction(SIGUSR1, &action, NULL);
	result = interrupted(1);
	(void)result;
}

START_TEST(in_a_signal_handler)
{
	struct last_words words = unit_child(print_in_handler);
	char *first = strstr(words.text, "\tinterrupted");

	ck_assert_int_eq(words.status, 0);
	ck_assert_msg(first, "%s", words.text);
	ck_assert_ptr_nonnull(strstr(first + 1, "\tinterrupted"));
}
END_TEST

UNIT_MAIN("symbol", a_function_of_ours, a_static_one, one_of_the_C_library, one_of_the_kernel,
	  addresses_in_no_file, an_address_without_a_symbol, file_and_line, inlined_functions,
	  each_of_many_frames_once, a_library_that_was_replaced, the_place_of_a_signal,
	  in_a_signal_handler)
