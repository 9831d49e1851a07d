/* SPDX-License-Identifier: MIT */
/* libkmem, the whole public interface; <kmem/rcu.h> is that of libkmem-rcu. */
#ifndef KMEM_H
#define KMEM_H

#include <kmem/base.h>
#include <kmem/cache.h>
#include <kmem/debug.h>
#include <kmem/fault.h>
#include <kmem/gfp.h>
#include <kmem/heap.h>
#include <kmem/kmalloc.h>
#include <kmem/limits.h>
#include <kmem/mallinfo.h>
#include <kmem/malloc.h>
#include <kmem/mempool.h>
#include <kmem/options.h>
#include <kmem/pages.h>
#include <kmem/sheaf.h>
#include <kmem/shrinker.h>
#include <kmem/stats.h>

#endif
