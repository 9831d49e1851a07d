// SPDX-License-Identifier: MIT
/*
 * Damages a core, in what kmemtop reads of it and in its ELF parts, and reads it: no crash, no
 * hang, nothing on the terminal but printable characters.
 *
 *	fuzz_core [--seconds N] [--seed N] [--run N] PID|CORE
 *
 * A clean reading comes first and notes down which bytes it reads. Each run then puts other
 * values on a few of them, and takes them back. Seed and run are printed on failure; the damaged
 * core is left as fuzz_core.failed, on which the same run can be repeated by kmemtop itself.
 */
#include "batch.h"
#include "columns.h"
#include "core.h"
#include "damage.h"
#include "html.h"
#include "map.h"
#include "table.h"
#include "whatis.h"
#include "write_core.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RUN_MAX_MS 5000 /* the budget of a target, on a slow machine, with the sanitizers */
#define HANG_S	   30

static struct {
	struct damaged core;
	char path[40];
	size_t nreads;
	uint64_t seed, run;
	uint64_t nread; /* runs that ended in a table */
	int64_t slowest_ms;
} fuzz;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- reading --------------------------------------------------------------------------------- */

static void give_up(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static void leave_word(void)
{
	char *text = malloc(fuzz.core.nbytes);
	FILE *f = fopen("fuzz_core.failed", "we");
	ssize_t n = text ? __real_pread(fuzz.core.fd, text, fuzz.core.nbytes, 0) : -1;

	fprintf(stderr, "fuzz_core: failed: --seed %" PRIu64 " --run %" PRIu64 "\n", fuzz.seed,
		fuzz.run);
	if (f && n > 0)
		fwrite(text, 1, (size_t)n, f);
	if (f)
		fclose(f);
	free(text);
}

static void on_signal(int sig)
{
	leave_word();
	if (sig == SIGALRM)
		fprintf(stderr, "it hangs\n");
	_exit(1);
}

static void check_printable(const char *text, size_t nbytes, const char *what)
{
	for (size_t i = 0; i < nbytes; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~')) {
			fprintf(stderr, "byte %zu is 0x%02x\n", i, (unsigned char)text[i]);
			give_up(what);
		}
}

static int show_snapshot(struct target *t, FILE *out)
{
	struct batch_process p = {.name = "it"};
	int rc = snapshot_take(&p.s, t);

	if (rc)
		return rc;
	columns_sort(&p.s, 'o');
	table_print(out, &p.s, UNITS_HUMAN);
	batch_slabinfo(out, &p.s);
	batch_openmetrics(out, &p, 1);
	batch_json(out, &p.s);
	snapshot_free(&p.s);
	return 0;
}

/* The page has tabs and signs of its own, and as many ends of scripts as it was written with. */
static void check_page(const struct geometry *g, struct target *t)
{
	static size_t scripts;
	char *text = NULL;
	size_t nbytes = 0, ends = 0;
	FILE *out = open_memstream(&text, &nbytes);

	html_print(out, g, t);
	fclose(out);
	for (size_t i = 0; i < nbytes; i++) {
		ends += !strncmp(text + i, "</script", 8);
		if (text[i] == '\t' || (text[i] & 0x80))
			text[i] = ' ';
	}
	check_printable(text, nbytes, "not printable: the page");
	if (!fuzz.run)
		scripts = ends;
	if (ends != scripts || !ends)
		give_up("a script ends where the target says");
	free(text);
}

static int show_geometry(struct target *t, FILE *out)
{
	struct geometry g;
	int rc = geometry_read(&g, t);

	if (rc)
		return rc;
	map_print(out, &g);
	batch_buddyinfo(out, &g);
	if (!fuzz.run || !damage_below(8))
		check_page(&g, t);
	geometry_free(&g);
	return 0;
}

/* Any address that the core has in it, or near one. */
static int show_address(struct target *t, FILE *out)
{
	uint64_t addr;

	memcpy(&addr, fuzz.core.clean + (damage_somewhere() & ~(uint64_t)7), sizeof(addr));
	return whatis_print(out, t, addr + damage_below(64) - 32);
}

/* What kmemtop shows of a target: the tables always, the slower rest in turn; all of it at first.
 */
static int show(struct target *t, FILE *out)
{
	int rc = show_snapshot(t, out);
	uint64_t rest = fuzz.run % 8;

	if (rest == 0 && !target_renew(t))
		rc |= show_geometry(t, out);
	if (rest == 4 && !target_renew(t) && show_address(t, out) && !t->why[0])
		give_up("an address without a word");
	return rc;
}

static int read_it(void)
{
	char *text = NULL;
	size_t nbytes = 0;
	FILE *out = open_memstream(&text, &nbytes);
	struct target t;
	int rc = target_open_core(&t, fuzz.path, NULL);

	if (!rc) {
		rc = show(&t, out);
		if (!fuzz.run)
			fuzz.nreads = damage_stop_recording(t.core->fd);
		target_close(&t);
	}
	fclose(out);
	check_printable(text, nbytes, "not printable: what is shown");
	check_printable(t.why, strlen(t.why), "not printable: why");
	check_printable(t.notes, strlen(t.notes), "not printable: notes");
	if (rc && !t.why[0])
		give_up("a failure without a word");
	free(text);
	return rc;
}

static void run(void)
{
	int64_t start = now_ms(), took;

	damage_core();
	alarm(HANG_S);
	fuzz.nread += !read_it();
	took = now_ms() - start;
	if (took > fuzz.slowest_ms)
		fuzz.slowest_ms = took;
	if (took > RUN_MAX_MS)
		give_up("it takes too long");
	damage_undo();
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static int copy_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[65536];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text, sizeof(text))) > 0)
		if (write(fuzz.core.fd, text, (size_t)n) != n)
			return -1;
	return fd < 0 ? -1 : close(fd);
}

static int take_core(const char *what)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	fuzz.core.fd = memfd_create("core", MFD_CLOEXEC);
	snprintf(fuzz.path, sizeof(fuzz.path), "/proc/self/fd/%d", fuzz.core.fd);
	if (strspn(what, "0123456789") == strlen(what) ? write_core(fuzz.core.fd, atoi(what))
						       : copy_file(what))
		return -1;
	fuzz.core.nbytes = (size_t)lseek(fuzz.core.fd, 0, SEEK_END);
	fuzz.core.clean = malloc(fuzz.core.nbytes + 8);
	if (!fuzz.core.clean || __real_pread(fuzz.core.fd, fuzz.core.clean, fuzz.core.nbytes, 0) !=
					(ssize_t)fuzz.core.nbytes)
		return -1;
	memcpy(&eh, fuzz.core.clean, sizeof(eh));
	memcpy(&ph, fuzz.core.clean + eh.e_phoff, sizeof(ph));
	fuzz.core.nelf = ph.p_type == PT_NOTE ? ph.p_offset + ph.p_filesz : sizeof(eh);
	damage_start_recording(&fuzz.core);
	return read_it();
}

static uint64_t number(const char *name, int argc, char **argv, uint64_t usual)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return strtoull(argv[i + 1], NULL, 0);
	return usual;
}

int main(int argc, char **argv)
{
	int64_t end = now_ms() + 1000 * (int64_t)number("--seconds", argc, argv, 5);
	uint64_t only = number("--run", argc, argv, 0);

	setenv("LC_ALL", "C", 1);      /* or the map is in block characters … */
	setenv("TERM", "dumb", 1);     /* … and in colour */
	setenv("KMEM_SYMBOLS", "", 1); /* each would take a program of its own */
	signal(SIGALRM, on_signal);
	signal(SIGABRT, on_signal);
	__sanitizer_set_death_callback(leave_word);
	fuzz.seed = number("--seed", argc, argv, (uint64_t)time(NULL));
	if (argc < 2 || take_core(argv[argc - 1]) || !fuzz.nreads) {
		fprintf(stderr, "fuzz_core: %s: no reading to damage\n", argv[argc - 1]);
		return 2;
	}
	printf("fuzz_core: seed %" PRIu64 ", %zu reads, %zu bytes of ELF\n", fuzz.seed, fuzz.nreads,
	       fuzz.core.nelf);
	fflush(stdout);
	for (fuzz.run = only ? only : 1; only ? fuzz.run == only : now_ms() < end; fuzz.run++) {
		damage_seed(fuzz.seed * 0x2545f4914f6cdd1d + fuzz.run);
		run();
	}
	printf("fuzz_core: %" PRIu64 " runs, %" PRIu64 " of them show a table, slowest %" PRId64
	       " ms\n",
	       fuzz.run - (only ? only : 1), fuzz.nread, fuzz.slowest_ms);
	return 0;
}
