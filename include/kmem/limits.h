/* SPDX-License-Identifier: MIT */
/*
 * A limit for the process: how many bytes all that libkmem hands out, keeps for reuse and
 * needs for itself may take of memory. A request beyond it first lets shrinkers run and
 * what lies free go back to the system, then gives NULL with ENOMEM. Limits of single
 * caches are set when they are created (struct kmem_cache_args). See kmem_limits(7).
 */
#ifndef KMEM_LIMITS_H
#define KMEM_LIMITS_H

#include <kmem/base.h>

KMEM_BEGIN_DECLS

/*
 * 0: no limit, as at the start; also KMEM_OPTIONS=limit_bytes:64M. 0, or -EINVAL below
 * KMEM_LIMIT_MIN. Less than is in use now only refuses what comes.
 */
KMEM_API int kmem_limit_set(size_t nbytes);
#define KMEM_LIMIT_MIN ((size_t)4 << 20)
/* The limit; what counts against it now; requests it refused so far. */
KMEM_API size_t kmem_limit_get(void);
KMEM_API size_t kmem_limit_usage(void);
KMEM_API size_t kmem_limit_refusals(void);
/* Is called, with no lock held, for each request the limit refuses; NULL: nobody. */
KMEM_API void kmem_limit_notify(void (*refused)(size_t nbytes, void *data), void *data);

KMEM_END_DECLS

#endif
