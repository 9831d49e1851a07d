// SPDX-License-Identifier: MIT
/* Messages without printf: see report.h. */
#include "buddy/report.h"

#include "buddy/settings.h"
#include "buddy/sys.h"

#include <stdarg.h>
#include <stdatomic.h>

#define KEPT	16384u
#define REST_MS 1000u /* from one line to the next of the same kind */

__attribute__((visibility("default"))) char kmem_last_report[KEPT];
static _Atomic uint32_t nkept;	    /* bytes in it */
static _Atomic uint32_t nreporting; /* reports begun, and not ended */

struct line {
	char *buf;
	size_t room; /* without the terminator */
	size_t len;
};

static void put_char(struct line *line, char c)
{
	if (line->len < line->room)
		line->buf[line->len++] = c;
}

static void put_string(struct line *line, const char *s)
{
	for (s = s ? s : "(null)"; *s; s++)
		put_char(line, *s);
}

static void put_number(struct line *line, unsigned long value, unsigned base)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n > 0)
		put_char(line, digits[--n]);
}

static void put_signed(struct line *line, long value)
{
	if (value < 0)
		put_char(line, '-');
	put_number(line, value < 0 ? 0ul - (unsigned long)value : (unsigned long)value, 10);
}

static void put_format(struct line *line, const char *f, va_list args)
{
	for (; *f; f++) {
		if (*f != '%') {
			put_char(line, *f);
			continue;
		}
		switch (*++f) {
		case 's':
			put_string(line, va_arg(args, const char *));
			break;
		case 'p':
			put_string(line, "0x");
			put_number(line, (unsigned long)va_arg(args, void *), 16);
			break;
		case 'u':
			put_number(line, va_arg(args, unsigned), 10);
			break;
		case 'd':
			put_signed(line, va_arg(args, int));
			break;
		case 'c':
			put_char(line, (char)va_arg(args, int));
			break;
		case 'z':
			f++;
			put_number(line, va_arg(args, size_t), 10);
			break;
		default:
			put_char(line, *f);
		}
	}
	line->buf[line->len] = '\0';
}

size_t report_vformat(char *buf, size_t nbytes, const char *format, va_list args)
{
	struct line line = {.buf = buf, .room = nbytes - 1};

	put_format(&line, format, args);
	return line.len;
}

size_t report_format(char *buf, size_t nbytes, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	len = report_vformat(buf, nbytes, format, args);
	va_end(args);
	return len;
}

/* Byte by byte, as others may write beside it or clear all at any time. NULL: zeros. */
static void keep(uint32_t at, const char *text, size_t nbytes)
{
	for (size_t i = 0; i < nbytes; i++)
		__atomic_store_n(&kmem_last_report[at + i], text ? text[i] : '\0',
				 __ATOMIC_RELAXED);
}

/* Reserve nbytes, at the beginning if there is no room for them and what ends them; from where on.
 */
static uint32_t kept_room(uint32_t nbytes)
{
	uint32_t at = atomic_load_explicit(&nkept, memory_order_relaxed), from;

	do
		from = nbytes < KEPT - at ? at : 0;
	while (!atomic_compare_exchange_weak_explicit(&nkept, &at, from + nbytes,
						      memory_order_relaxed, memory_order_relaxed));
	if (from < at)
		keep(0, NULL, KEPT);
	return from;
}

/* No lock: who writes at once has a place of his own, and a signal may come at any time. */
void report_write(const char *text, size_t nbytes)
{
	if (nbytes < KEPT)
		keep(kept_room((uint32_t)nbytes), text, nbytes);
	sys_write_stderr(text, nbytes);
}

void report_begin(void)
{
	/* Of several at once each is to be read. */
	if (atomic_fetch_add_explicit(&nreporting, 1, memory_order_relaxed) == 0) {
		keep(0, NULL, KEPT);
		atomic_store_explicit(&nkept, 0, memory_order_relaxed);
	}
}

static void report_args(const char *prefix, const char *format, va_list args)
{
	char buf[REPORT_LINE_MAX];
	struct line line = {.buf = buf, .room = sizeof(buf) - 2};

	put_string(&line, prefix);
	put_format(&line, format, args);
	line.buf[line.len++] = '\n';
	report_write(buf, line.len);
}

void report(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_args("libkmem: ", format, args);
	va_end(args);
}

void report_text(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_args("", format, args);
	va_end(args);
}

void report_end(bool continues)
{
	if (settings.on_error == ON_ERROR_ABORT ||
	    (settings.on_error == ON_ERROR_DEFAULT && !continues))
		sys_abort();
	atomic_fetch_sub_explicit(&nreporting, 1, memory_order_relaxed);
}

void report_bug(const char *format, ...)
{
	va_list args;

	report_begin();
	va_start(args, format);
	report_args("libkmem: ", format, args);
	va_end(args);
	report_end(false);
}

bool report_is_due(_Atomic uint32_t *last_ms)
{
	/* In this order, or another's time might be later than ours. */
	uint32_t last = atomic_load_explicit(last_ms, memory_order_relaxed);
	uint32_t now = sys_now_ms() | 1; /* 0: never */

	return (!last || now - last >= REST_MS) &&
	       atomic_compare_exchange_strong_explicit(last_ms, &last, now, memory_order_relaxed,
						       memory_order_relaxed);
}

_Noreturn void report_assert(const char *condition, const char *file, int line)
{
	report_begin();
	report("assertion failed: %s at %s:%d", condition, file, line);
	sys_abort();
}
