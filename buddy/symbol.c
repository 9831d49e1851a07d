// SPDX-License-Identifier: MIT
/* From addresses to lines: see symbol.h. */
#include "buddy/symbol.h"

#include "buddy/cfi.h"
#include "buddy/report.h"
#include "buddy/symbol_apart.h"
#include "buddy/symbol_helper.h"
#include "buddy/symbol_module.h"
#include "buddy/sys.h"

#include <stdatomic.h>
#include <string.h>

#define LINE_MAX    2048
#define APART_STACK 65536
#define APART_MOST  250u /* frames: how many are done is the status it ends with */

/* Too much for a small stack, as a signal handler's may be. */
struct work {
	const uintptr_t *frames;
	unsigned n;
	bool first_is_call;
	_Atomic unsigned ndone;
	struct symbol_module module;
	struct symbol symbol;
	struct symbol_helper helper;
	char line[LINE_MAX];
	char stack[APART_STACK] __attribute__((aligned(16)));
};

/* For who gets no memory; one at a time. */
static struct work reserve;
static _Atomic bool reserve_taken;

/* A line of text, whatever was in the names: no sequences that a terminal would obey. */
static void put_line(struct work *work, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if ((unsigned char)work->line[i] < ' ' || work->line[i] == 0x7f)
			work->line[i] = '?';
	work->line[len++] = '\n';
	report_write(work->line, len);
}

/* The field's beginning, cut off at its end; *rest is behind it. */
static char *field(char **rest, char end)
{
	char *begin = *rest, *at = strchr(begin, end);

	*rest = at ? at + 1 : begin + strlen(begin);
	if (at)
		*at = '\0';
	return begin;
}

static uintptr_t parse_hex(const char *text)
{
	uintptr_t value = 0;

	for (; (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f'); text++)
		value = value << 4 | (uintptr_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

/* The helper's lines but the last are printed as they are. */
static char *print_inlined(struct work *work, char *answer)
{
	for (;;) {
		char *line = field(&answer, '\n'), *name;

		if (!*answer)
			return line;
		name = field(&line, '\t');
		put_line(work, report_format(work->line, LINE_MAX - 1, "\t  (inlined) %s  %s",
					     *name ? name : "?", field(&line, '\t')));
	}
}

/* Its last line: the file and line, and the symbol if we have none of our own. */
static const char *take_answer(struct work *work, char *line, bool *known)
{
	char *name = field(&line, '\t'), *place = field(&line, '\t');
	char *start = field(&line, ' ');

	if (!*known && *name && *start) {
		report_format(work->symbol.name, sizeof(work->symbol.name), "%s", name);
		work->symbol.start = parse_hex(start);
		work->symbol.nbytes = parse_hex(line);
		*known = true;
	}
	return place;
}

/* address is to be looked up, frame to be told. */
static size_t describe(struct work *work, uintptr_t address, uintptr_t frame)
{
	struct symbol_module *module = &work->module;
	struct symbol *symbol = &work->symbol;
	uintptr_t offset = address - module->bias, shown = frame - module->bias;
	bool known = module->has_file && symbol_find(&module->file, offset, symbol);
	char *answer = symbol_helper_ask(&work->helper, module->path, offset);
	const char *place = answer ? take_answer(work, print_inlined(work, answer), &known) : "";
	const char *gap = *place ? "  " : "";
	char of[32] = "";

	if (!known)
		return report_format(work->line, LINE_MAX - 1, "\t%s+%p%s%s", module->name,
				     (void *)shown, gap, place);
	if (symbol->nbytes)
		report_format(of, sizeof(of), "/%p", (void *)symbol->nbytes);
	return report_format(work->line, LINE_MAX - 1, "\t%s+%p%s%s%s%s%s%s", symbol->name,
			     (void *)(shown - symbol->start), of, module->is_main ? "" : " [",
			     module->is_main ? "" : module->name, module->is_main ? "" : "]", gap,
			     place);
}

/* The code that a handler returns to is entered by no call, and neither is what is above it. */
static bool is_trampoline(uintptr_t frame)
{
	return cfi_find(frame).kind == CFI_SIGNAL;
}

static void print_frame(struct work *work, unsigned i)
{
	uintptr_t frame = work->frames[i];
	bool is_call = i == 0 ? work->first_is_call : !is_trampoline(work->frames[i - 1]);
	uintptr_t address = is_call && !is_trampoline(frame) ? frame - 1 : frame;

	if (symbol_module_at(&work->module, address))
		put_line(work, describe(work, address, frame));
	else
		put_line(work, report_format(work->line, LINE_MAX - 1, "\t%p", (void *)frame));
}

/* From where it is done to most; or until the helper has failed, if it is meant to be there. */
static void print_frames(struct work *work, unsigned most)
{
	unsigned i = atomic_load_explicit(&work->ndone, memory_order_relaxed);

	for (; i < most; i++) {
		print_frame(work, i);
		atomic_store_explicit(&work->ndone, i + 1, memory_order_relaxed);
	}
}

/* In a process apart: see symbol_apart.h. */
static int print_with_helper(void *arg)
{
	struct work *work = arg;

	symbol_helper_start(&work->helper, &work->module);
	print_frames(work, work->n < APART_MOST ? work->n : APART_MOST);
	symbol_helper_stop(&work->helper);
	symbol_module_end(&work->module);
	return (int)atomic_load_explicit(&work->ndone, memory_order_relaxed);
}

static void print(struct work *work)
{
	int ndone = -1;

	atomic_store_explicit(&work->ndone, 0, memory_order_relaxed);
	work->helper.fd = -1;
	symbol_module_begin(&work->module);
	if (symbol_helper_wanted())
		ndone = symbol_apart(print_with_helper, work, work->stack, sizeof(work->stack));
	/* Where such a process does not share memory after all, as in emulators, it tells. */
	if (ndone >= 0)
		atomic_store_explicit(&work->ndone, (unsigned)ndone, memory_order_relaxed);
	/* What it left open is not open here. */
	work->helper.fd = -1;
	symbol_module_begin(&work->module);
	print_frames(work, work->n);
	symbol_module_end(&work->module);
}

static void print_bare(const uintptr_t *frames, unsigned n)
{
	char line[32];

	for (unsigned i = 0; i < n; i++)
		report_write(line, report_format(line, sizeof(line), "\t%p\n", (void *)frames[i]));
}

static void start(const uintptr_t *frames, unsigned n, bool first_is_call)
{
	struct work *mapped = sys_map(sys_page_up(sizeof(*mapped)), sys_page_size());
	struct work *work = mapped;

	/* acquire, release: what one wrote there is past for the next */
	if (!work && !atomic_exchange_explicit(&reserve_taken, true, memory_order_acquire))
		work = &reserve;
	if (!work) {
		print_bare(frames, n);
		return;
	}
	work->frames = frames;
	work->n = n;
	work->first_is_call = first_is_call;
	print(work);
	if (mapped)
		sys_unmap(mapped, sys_page_up(sizeof(*mapped)));
	else
		atomic_store_explicit(&reserve_taken, false, memory_order_release);
}

void symbols_print(const uintptr_t *frames, unsigned n)
{
	start(frames, n, true);
}

void symbols_print_signal(const uintptr_t *frames, unsigned n)
{
	start(frames, n, false);
}
