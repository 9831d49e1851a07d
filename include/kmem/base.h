/* SPDX-License-Identifier: MIT */
/* What every public header shares: the version, the attributes, linkage. */
#ifndef KMEM_BASE_H
#define KMEM_BASE_H

#include <stddef.h>

#define KMEM_VERSION_MAJOR 0
#define KMEM_VERSION_MINOR 1

#ifdef __cplusplus
#define KMEM_BEGIN_DECLS extern "C" {
#define KMEM_END_DECLS	 }
#else
#define KMEM_BEGIN_DECLS
#define KMEM_END_DECLS
#endif

#define KMEM_API	    __attribute__((visibility("default")))
#define KMEM_MALLOC	    __attribute__((malloc, warn_unused_result))
#define KMEM_SIZE(...)	    __attribute__((alloc_size(__VA_ARGS__)))
#define KMEM_ALIGNED(param) __attribute__((alloc_align(param)))

#endif
