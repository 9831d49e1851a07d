/* SPDX-License-Identifier: MIT */
/*
 * Messages to standard error by raw system calls: from any state of the
 * allocator, under any lock, in a signal handler. One call, one line.
 *
 * What was said last is kept as one string, kmem_last_report, for who reads a core file: the
 * last report, and what was said since.
 *
 * The format knows %s %p %u (unsigned) %zu %d %c and %%.
 */
#ifndef BUDDY_REPORT_H
#define BUDDY_REPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_LINE_MAX 512

/* Exported by this name, for debuggers; no header has it. */
extern char kmem_last_report[];

/* "libkmem: …\n" */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, then abort, or go on if the setting on_error is continue. */
void report_bug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line as it is. */
void report_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Text as it is, of whole lines. */
void report_write(const char *text, size_t nbytes);
/* Around a report of several lines. At its end: abort, or go on if on_error is continue, or not set
 * and continues. */
void report_begin(void);
void report_end(bool continues);

/* One thread may report what *last_ms, 0 at first, stands for: once in a second. */
bool report_is_due(_Atomic uint32_t *last_ms);

_Noreturn void report_assert(const char *condition, const char *file, int line);

/* Format into buf as report does; the length without the terminator. */
size_t report_format(char *buf, size_t nbytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t report_vformat(char *buf, size_t nbytes, const char *format, va_list args);

#ifndef KMEM_DEBUG
#define KMEM_DEBUG 0
#endif

/* For debug builds; the condition is checked for type in all. */
#define ASSERT(condition)                                                                          \
	do {                                                                                       \
		if (KMEM_DEBUG && !(condition))                                                    \
			report_assert(#condition, __FILE__, __LINE__);                             \
	} while (0)

#endif
