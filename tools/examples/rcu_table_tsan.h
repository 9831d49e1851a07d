/* SPDX-License-Identifier: MIT */
/*
 * What liburcu orders by means that ThreadSanitizer does not see (before its 0.15: inline
 * assembly; a library without instrumentation), told to it. Else nothing.
 */
#ifndef RCU_TABLE_TSAN_H
#define RCU_TABLE_TSAN_H

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define tsan_acquire(address) __tsan_acquire(address)
#define tsan_release(address) __tsan_release(address)
#else
#define UNDER_THREAD_SANITIZER 0
#define tsan_acquire(address)  ((void)(address))
#define tsan_release(address)  ((void)(address))
#endif

#endif
