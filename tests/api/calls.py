#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""calls.py LIBRARY NAMES: call each function named in the file NAMES, and check what it does.

A call here is one test_ function per exported name: a new export without one fails."""
import ctypes
import errno
import json
import os
import sys
import tempfile
import xml.etree.ElementTree
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_void_p

GFP_KERNEL, GFP_ZERO, GFP_NOWARN, GFP_ATOMIC = 0x18100, 0x200, 0x400, 0x800
GFP_NOWAIT = GFP_NOWARN
SLAB_FAILSLAB, SLAB_NOWARN, SLAB_NOWAIT = 0x2000, 0x10000, 0x20000
lib = ctypes.CDLL(sys.argv[1], use_errno=True)


def bind(name, result, *arguments):
    function = getattr(lib, name)
    function.restype = result
    function.argtypes = arguments


OBJECTS = POINTER(c_void_p)
bind("kmem_cache_create", c_void_p, c_char_p, c_uint, c_uint, c_uint, c_void_p)
bind("kmem_cache_create_args", c_void_p, c_char_p, c_uint, c_void_p, c_uint)
bind("kmem_cache_create_usercopy", c_void_p, c_char_p, c_uint, c_uint, c_uint, c_uint, c_uint, c_void_p)
bind("kmem_cache_destroy", c_int, c_void_p)
bind("kmem_cache_set_debug", c_int, c_void_p, c_uint)
bind("kmem_cache_validate", c_char_p, c_void_p)
bind("kmem_debug_set", c_int, c_char_p)
bind("kmem_validate", c_char_p)
bind("kmem_free_sized", None, c_void_p, c_size_t)
bind("kmem_cache_alloc", c_void_p, c_void_p, c_uint)
bind("kmem_cache_zalloc", c_void_p, c_void_p, c_uint)
bind("kmem_cache_alloc_node", c_void_p, c_void_p, c_uint, c_int)
bind("kmem_cache_alloc_lru", c_void_p, c_void_p, c_void_p, c_uint)
bind("kmem_cache_free", None, c_void_p, c_void_p)
bind("kmem_cache_alloc_bulk", c_int, c_void_p, c_uint, c_size_t, OBJECTS)
bind("kmem_cache_free_bulk", None, c_void_p, c_size_t, OBJECTS)
bind("kmem_cache_shrink", c_int, c_void_p)
bind("kmem_cache_prefill_sheaf", c_void_p, c_void_p, c_uint, c_uint)
bind("kmem_cache_alloc_from_sheaf", c_void_p, c_void_p, c_uint, c_void_p)
bind("kmem_cache_refill_sheaf", c_int, c_void_p, c_uint, OBJECTS, c_uint)
bind("kmem_cache_return_sheaf", None, c_void_p, c_uint, c_void_p)
bind("kmem_cache_sheaf_size", c_uint, c_void_p)
bind("kmem_cache_prealloc", c_int, c_void_p, c_size_t)
bind("kmem_cache_size", c_uint, c_void_p)
bind("kmem_cache_name", c_char_p, c_void_p)
POOL_ALLOC = ctypes.CFUNCTYPE(c_void_p, c_uint, c_void_p)
POOL_FREE = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
bind("kmem_mempool_create", c_void_p, c_int, POOL_ALLOC, POOL_FREE, c_void_p)
bind("kmem_mempool_create_slab", c_void_p, c_int, c_void_p)
bind("kmem_mempool_create_kmalloc", c_void_p, c_int, c_size_t)
bind("kmem_mempool_create_pages", c_void_p, c_int, c_uint)
bind("kmem_mempool_destroy", None, c_void_p)
bind("kmem_mempool_resize", c_int, c_void_p, c_int)
bind("kmem_mempool_alloc", c_void_p, c_void_p, c_uint)
bind("kmem_mempool_alloc_preallocated", c_void_p, c_void_p)
bind("kmem_mempool_free", None, c_void_p, c_void_p)
bind("kmem_mempool_reserve", c_int, c_void_p)
bind("kmem_mempool_min", c_int, c_void_p)
bind("kmem_mempool_alloc_slab", c_void_p, c_uint, c_void_p)
bind("kmem_mempool_free_slab", None, c_void_p, c_void_p)
bind("kmem_mempool_kmalloc", c_void_p, c_uint, c_void_p)
bind("kmem_mempool_kfree", None, c_void_p, c_void_p)
bind("kmem_mempool_alloc_pages", c_void_p, c_uint, c_void_p)
bind("kmem_mempool_free_pages", None, c_void_p, c_void_p)
bind("kmem_malloc", c_void_p, c_size_t)
bind("kmem_calloc", c_void_p, c_size_t, c_size_t)
bind("kmem_realloc", c_void_p, c_void_p, c_size_t)
bind("kmem_aligned_alloc", c_void_p, c_size_t, c_size_t)
bind("kmem_free", None, c_void_p)
bind("kmem_usable_size", c_size_t, c_void_p)
bind("kmem_good_size", c_size_t, c_size_t)
bind("kmem_trim", c_int)
bind("kmem_kmalloc", c_void_p, c_size_t, c_uint)
bind("kmem_kmalloc_node", c_void_p, c_size_t, c_uint, c_int)
bind("kmem_kvmalloc", c_void_p, c_size_t, c_uint)
bind("kmem_krealloc", c_void_p, c_void_p, c_size_t, c_uint)
bind("kmem_kfree", None, c_void_p)
bind("kmem_kfree_sensitive", None, c_void_p)
bind("kmem_ksize", c_size_t, c_void_p)
bind("kmem_pages_alloc", c_void_p, c_uint, c_uint)
bind("kmem_pages_alloc_node", c_void_p, c_uint, c_uint, c_int)
bind("kmem_node_stats_next", c_int, c_int, c_void_p)
bind("kmem_pages_alloc_exact", c_void_p, c_size_t, c_uint)
bind("kmem_pages_free", None, c_void_p)
bind("kmem_option_set", c_int, c_char_p, c_char_p)
bind("kmem_shrinker_alloc", c_void_p, c_uint, c_char_p)
bind("kmem_shrinker_register", c_int, c_void_p)
bind("kmem_shrinker_free", None, c_void_p)
bind("kmem_shrink", ctypes.c_ulong)
bind("kmem_limit_set", c_int, c_size_t)
bind("kmem_limit_get", c_size_t)
bind("kmem_limit_usage", c_size_t)
bind("kmem_limit_refusals", c_size_t)
bind("kmem_limit_notify", None, c_void_p, c_void_p)
bind("kmem_fault_set", c_int, c_void_p)
bind("kmem_fault_get", None, c_void_p)
bind("kmem_fault_count", c_size_t)


class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]


bind("kmem_mallinfo2", Mallinfo2)
bind("kmem_malloc_info", c_int, c_int, c_void_p)
bind("kmem_malloc_stats", None)
bind("kmem_mallopt", c_int, c_int, c_int)
bind("kmem_dump_obj", ctypes.c_bool, c_void_p)


class Stats(ctypes.Structure):
    """struct kmem_stats, as far as the first fields."""
    _fields_ = [("size", c_size_t)] + [(name, ctypes.c_uint64) for name in
                                       "threads caches zones heaps reserved committed dirty".split()]


class CacheStats(ctypes.Structure):
    """struct kmem_cache_stats"""
    _fields_ = ([("size", c_size_t), ("id", c_uint), ("flags", c_uint), ("name", ctypes.c_char * 64)] +
                [(name, c_uint) for name in "object_size stride align slab_objects".split()] +
                [(name, ctypes.c_uint64) for name in
                 "slab_bytes slabs slabs_empty objects active parked taken given counted allocs frees limit".split()])


bind("kmem_stats_read", c_int, POINTER(Stats))
bind("kmem_cache_stats", c_int, c_void_p, POINTER(CacheStats))
bind("kmem_cache_stats_next", c_uint, c_uint, POINTER(CacheStats))
bind("kmem_stats_print", c_int, c_int, c_int)
libc = ctypes.CDLL(None)
libc.tmpfile.restype = c_void_p
for function in (libc.rewind, libc.fclose):
    function.argtypes = [c_void_p]
libc.fread.argtypes = [c_void_p, c_size_t, c_size_t, c_void_p]
libc.fread.restype = c_size_t


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r} instead of {wanted!r}")


def filled(address, nbytes, byte):
    """Write nbytes, and read them back."""
    ctypes.memset(address, byte, nbytes)
    equal(ctypes.string_at(address, nbytes), bytes([byte]) * nbytes)


def cache(size=200):
    made = lib.kmem_cache_create(b"calls", size, 0, 0, None)
    assert made, "no cache"
    return made


def test_kmem_cache_create():
    lib.kmem_cache_destroy(cache())
    ctypes.set_errno(0)
    equal(lib.kmem_cache_create(b"calls", 0, 0, SLAB_NOWARN, None), None)
    equal(ctypes.get_errno(), errno.EINVAL)


class CacheArgs(ctypes.Structure):
    """struct kmem_cache_args"""
    _fields_ = [("align", c_uint), ("useroffset", c_uint), ("usersize", c_uint), ("freeptr_offset", c_uint),
                ("use_freeptr_offset", ctypes.c_bool), ("ctor", c_void_p), ("sheaf_capacity", c_uint),
                ("dtor", c_void_p), ("reclaim", c_void_p), ("limit_objects", c_size_t),
                ("limit_bytes", c_size_t), ("limit_reached", c_void_p), ("reserve_objects", c_size_t),
                ("data", c_void_p), ("flavor", c_void_p)]


def test_kmem_cache_create_args():
    args = CacheArgs(align=256)
    made = lib.kmem_cache_create_args(b"args", 100, ctypes.byref(args), 0)
    one = lib.kmem_cache_alloc(made, GFP_KERNEL)
    equal(one % 256, 0)
    lib.kmem_cache_free(made, one)
    equal(lib.kmem_cache_destroy(made), 0)
    args.align = 3
    equal(lib.kmem_cache_create_args(b"args", 100, ctypes.byref(args), SLAB_NOWARN), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_cache_create_usercopy():
    made = lib.kmem_cache_create_usercopy(b"user", 100, 0, 0, 40, 60, None)
    equal(lib.kmem_cache_destroy(made), 0)
    equal(lib.kmem_cache_create_usercopy(b"user", 100, 0, SLAB_NOWARN, 41, 60, None), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_cache_destroy():
    equal(lib.kmem_cache_destroy(None), 0)
    equal(lib.kmem_cache_destroy(cache()), 0)


def test_kmem_cache_alloc():
    made = cache()
    thing = lib.kmem_cache_alloc(made, GFP_KERNEL)
    filled(thing, 200, 7)
    lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_zalloc():
    made = cache()
    for _ in range(1000):
        thing = lib.kmem_cache_zalloc(made, GFP_KERNEL)
        equal(ctypes.string_at(thing, 200), bytes(200))
        filled(thing, 200, 255)
        lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_alloc_node():
    made = cache()
    for node in (-1, 0):
        thing = lib.kmem_cache_alloc_node(made, GFP_KERNEL, node)
        filled(thing, 200, 8)
        lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_alloc_node(made, GFP_KERNEL | GFP_NOWARN, 5000), None)
    equal(ctypes.get_errno(), errno.EINVAL)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_kmalloc_node():
    for node in (-1, 0):
        block = lib.kmem_kmalloc_node(200, GFP_KERNEL, node)
        filled(block, 200, 8)
        lib.kmem_kfree(block)
    equal(lib.kmem_kmalloc_node(200, GFP_KERNEL | GFP_NOWARN, 5000), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_pages_alloc_node():
    for node in (-1, 0):
        pages = lib.kmem_pages_alloc_node(1, GFP_KERNEL, node)
        filled(pages, 8192, 8)
        lib.kmem_pages_free(pages)
    equal(lib.kmem_pages_alloc_node(1, GFP_KERNEL | GFP_NOWARN, 5000), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_node_stats_next():
    stats = (ctypes.c_uint64 * 9)(72)  # struct kmem_node_stats, its size first
    node = found = lib.kmem_node_stats_next(-1, stats)
    while found >= 0:
        equal(stats[1], found)
        node, found = found, lib.kmem_node_stats_next(found, stats)
        equal(found < 0 or found > node, True)
    equal(lib.kmem_node_stats_next(-1, (ctypes.c_uint64 * 9)(1)), -1)


def test_kmem_cache_alloc_lru():
    made = cache()
    thing = lib.kmem_cache_alloc_lru(made, None, GFP_KERNEL)
    filled(thing, 200, 8)
    lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_free():
    made = cache()
    lib.kmem_cache_free(made, None)
    things = [lib.kmem_cache_alloc(made, GFP_KERNEL) for _ in range(1000)]
    equal(len(set(things)), 1000)
    for thing in things:
        lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_alloc_bulk():
    made = cache()
    things = (c_void_p * 100)()
    equal(lib.kmem_cache_alloc_bulk(made, GFP_KERNEL, 100, things), 100)
    equal(len(set(things)), 100)
    for thing in things:
        filled(thing, 200, 9)
        lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_free_bulk():
    made = cache()
    things = (c_void_p * 100)(*[lib.kmem_cache_alloc(made, GFP_KERNEL) for _ in range(100)])
    lib.kmem_cache_free_bulk(made, 100, things)
    equal(lib.kmem_cache_destroy(made), 0)
    things = (c_void_p * 100)(*[lib.kmem_malloc(n + 1) for n in range(100)])
    lib.kmem_cache_free_bulk(None, 100, things)


def test_kmem_cache_shrink():
    made = cache()
    lib.kmem_cache_free(made, lib.kmem_cache_alloc(made, GFP_KERNEL))
    equal(lib.kmem_cache_shrink(made), 0)
    thing = lib.kmem_cache_alloc(made, GFP_KERNEL)
    equal(lib.kmem_cache_shrink(made), 1)
    lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_prealloc():
    made = lib.kmem_cache_create(b"calls", 200, 0, SLAB_NOWAIT, None)
    equal(lib.kmem_cache_alloc(made, GFP_NOWAIT), None)
    equal(ctypes.get_errno(), errno.EAGAIN)
    equal(lib.kmem_cache_prealloc(made, 1000), 0)
    things = [lib.kmem_cache_alloc(made, GFP_NOWAIT) for _ in range(1000)]
    equal(len(set(things) - {None}), 1000)
    for thing in things:
        lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_size():
    made = cache(123)
    equal(lib.kmem_cache_size(made), 123)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_name():
    made = cache()
    equal(lib.kmem_cache_name(made), b"calls")
    equal(lib.kmem_cache_destroy(made), 0)


def prefilled(made, count):
    sheaf = lib.kmem_cache_prefill_sheaf(made, GFP_KERNEL, count)
    assert sheaf, "no sheaf"
    return sheaf


def test_kmem_cache_prefill_sheaf():
    made = cache()
    for count in (1, 100, 10000):
        lib.kmem_cache_return_sheaf(made, GFP_KERNEL, prefilled(made, count))
    equal(lib.kmem_cache_prefill_sheaf(made, GFP_NOWARN, 0), None)
    equal(ctypes.get_errno(), errno.EINVAL)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_alloc_from_sheaf():
    made = cache()
    sheaf = prefilled(made, 10)
    things = [lib.kmem_cache_alloc_from_sheaf(made, GFP_ZERO, sheaf) for _ in range(10)]
    equal(len(set(things)), 10)
    for thing in things:
        equal(ctypes.string_at(thing, 200), bytes(200))
        lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_alloc_from_sheaf(made, GFP_KERNEL, sheaf), None)
    lib.kmem_cache_return_sheaf(made, GFP_KERNEL, sheaf)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_refill_sheaf():
    made = cache()
    sheaf = c_void_p(prefilled(made, 1))
    equal(lib.kmem_cache_refill_sheaf(made, GFP_KERNEL, ctypes.cast(ctypes.byref(sheaf), OBJECTS), 500), 0)
    equal(lib.kmem_cache_sheaf_size(sheaf), 500)
    equal(lib.kmem_cache_refill_sheaf(made, GFP_NOWARN, ctypes.cast(ctypes.byref(sheaf), OBJECTS), 0),
          -errno.EINVAL)
    lib.kmem_cache_return_sheaf(made, GFP_KERNEL, sheaf)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_return_sheaf():
    made = cache()
    lib.kmem_cache_return_sheaf(made, GFP_KERNEL, None)
    sheaf = prefilled(made, 3)
    thing = lib.kmem_cache_alloc_from_sheaf(made, GFP_KERNEL, sheaf)
    lib.kmem_cache_return_sheaf(made, GFP_KERNEL, sheaf)
    equal(lib.kmem_cache_destroy(made), -errno.EBUSY)
    lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_sheaf_size():
    made = cache()
    sheaf = prefilled(made, 30)
    equal(lib.kmem_cache_sheaf_size(sheaf), 30)
    lib.kmem_cache_free(made, lib.kmem_cache_alloc_from_sheaf(made, GFP_KERNEL, sheaf))
    equal(lib.kmem_cache_sheaf_size(sheaf), 29)
    lib.kmem_cache_return_sheaf(made, GFP_KERNEL, sheaf)
    equal(lib.kmem_cache_destroy(made), 0)


def use_pool(pool, size, align):
    """More elements than its reserve has, each of the size."""
    assert pool, "no pool"
    things = [lib.kmem_mempool_alloc(pool, GFP_KERNEL) for _ in range(20)]
    equal(len(set(things)), 20)
    for thing in things:
        equal(thing % align, 0)
        filled(thing, size, 4)
        lib.kmem_mempool_free(thing, pool)
    lib.kmem_mempool_destroy(pool)


def test_kmem_mempool_create():
    freed = []
    alloc = POOL_ALLOC(lambda flags, data: lib.kmem_malloc(data))
    free = POOL_FREE(lambda thing, data: freed.append(thing) or lib.kmem_free(thing))
    use_pool(lib.kmem_mempool_create(3, alloc, free, 500), 500, 16)
    equal(len(freed), 23)
    equal(lib.kmem_mempool_create(0, alloc, free, 500), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_mempool_create_slab():
    made = cache()
    use_pool(lib.kmem_mempool_create_slab(3, made), 200, 8)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_mempool_create_kmalloc():
    use_pool(lib.kmem_mempool_create_kmalloc(3, 1000), 1000, 16)


def test_kmem_mempool_create_pages():
    use_pool(lib.kmem_mempool_create_pages(3, 2), 16384, 16384)


def test_kmem_mempool_destroy():
    lib.kmem_mempool_destroy(None)
    lib.kmem_mempool_destroy(lib.kmem_mempool_create_kmalloc(10, 100))


def test_kmem_mempool_resize():
    pool = lib.kmem_mempool_create_kmalloc(10, 100)
    for size in (100, 1, 50):
        equal(lib.kmem_mempool_resize(pool, size), 0)
        equal(lib.kmem_mempool_reserve(pool), size)
    equal(lib.kmem_mempool_resize(pool, 0), -errno.EINVAL)
    lib.kmem_mempool_destroy(pool)


def test_kmem_mempool_alloc():
    pool = lib.kmem_mempool_create_kmalloc(1, 100)
    equal(lib.kmem_mempool_alloc(pool, GFP_KERNEL | GFP_ZERO | GFP_NOWARN), None)
    equal(ctypes.get_errno(), errno.EINVAL)
    thing = lib.kmem_mempool_alloc(pool, GFP_KERNEL)
    filled(thing, 100, 1)
    lib.kmem_mempool_free(thing, pool)
    lib.kmem_mempool_destroy(pool)


def test_kmem_mempool_alloc_preallocated():
    pool = lib.kmem_mempool_create_kmalloc(1, 100)
    thing = lib.kmem_mempool_alloc_preallocated(pool)
    filled(thing, 100, 1)
    equal(lib.kmem_mempool_alloc_preallocated(pool), None)
    equal(ctypes.get_errno(), errno.ENOMEM)
    lib.kmem_mempool_free(thing, pool)
    lib.kmem_mempool_destroy(pool)


def test_kmem_mempool_free():
    pool = lib.kmem_mempool_create_kmalloc(1, 100)
    lib.kmem_mempool_free(None, pool)
    lib.kmem_mempool_free(lib.kmem_mempool_alloc(pool, GFP_KERNEL), pool)
    lib.kmem_mempool_destroy(pool)


def test_kmem_mempool_reserve():
    pool = lib.kmem_mempool_create_kmalloc(5, 100)
    equal(lib.kmem_mempool_reserve(pool), 5)
    thing = lib.kmem_mempool_alloc_preallocated(pool)
    equal(lib.kmem_mempool_reserve(pool), 4)
    lib.kmem_mempool_free(thing, pool)
    lib.kmem_mempool_destroy(pool)


def test_kmem_mempool_min():
    pool = lib.kmem_mempool_create_kmalloc(5, 100)
    equal(lib.kmem_mempool_min(pool), 5)
    lib.kmem_mempool_destroy(pool)


def use_kind(alloc, free, data, size):
    thing = alloc(GFP_KERNEL | GFP_ZERO, data)
    equal(ctypes.string_at(thing, size), bytes(size))
    filled(thing, size, 6)
    free(thing, data)


def test_kmem_mempool_alloc_slab():
    made = cache()
    use_kind(lib.kmem_mempool_alloc_slab, lib.kmem_mempool_free_slab, made, 200)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_mempool_free_slab():
    made = cache()
    lib.kmem_mempool_free_slab(lib.kmem_cache_alloc(made, GFP_KERNEL), made)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_mempool_kmalloc():
    for size in SIZES:
        use_kind(lib.kmem_mempool_kmalloc, lib.kmem_mempool_kfree, size, size)


def test_kmem_mempool_kfree():
    lib.kmem_mempool_kfree(lib.kmem_malloc(1000), 1000)


def test_kmem_mempool_alloc_pages():
    use_kind(lib.kmem_mempool_alloc_pages, lib.kmem_mempool_free_pages, 3, 32768)


def test_kmem_mempool_free_pages():
    lib.kmem_mempool_free_pages(lib.kmem_pages_alloc(2, GFP_KERNEL), 2)


SIZES = (1, 16, 100, 1000, 10000, 100000, 1000000, 10000000)


def test_kmem_malloc():
    for size in SIZES:
        block = lib.kmem_malloc(size)
        equal(block % 16, 0)
        filled(block, size, 3)
        lib.kmem_free(block)
    ctypes.set_errno(0)
    equal(lib.kmem_malloc(2**63), None)
    equal(ctypes.get_errno(), errno.ENOMEM)


def test_kmem_calloc():
    for size in SIZES:
        block = lib.kmem_calloc(size, 2)
        equal(ctypes.string_at(block, 2 * size), bytes(2 * size))
        lib.kmem_free(block)
    equal(lib.kmem_calloc(2**33, 2**33), None)


def test_kmem_realloc():
    block = lib.kmem_realloc(None, 1)
    filled(block, 1, 5)
    for size in SIZES + SIZES[::-1]:
        block = lib.kmem_realloc(block, size)
        equal(ctypes.string_at(block, 1), b"\5")
    lib.kmem_free(block)


def test_kmem_aligned_alloc():
    for size in SIZES:
        for alignment in (8, 64, 4096, 65536, 1 << 22):
            block = lib.kmem_aligned_alloc(alignment, size)
            equal(block % alignment, 0)
            lib.kmem_free(block)
    ctypes.set_errno(0)
    equal(lib.kmem_aligned_alloc(48, 100), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_free():
    lib.kmem_free(None)
    ctypes.set_errno(77)
    lib.kmem_free(lib.kmem_malloc(5000000))
    equal(ctypes.get_errno(), 77)


def test_kmem_free_sized():
    lib.kmem_free_sized(None, 5)
    for size in SIZES:
        lib.kmem_free_sized(lib.kmem_malloc(size), size)


SLAB_RED_ZONE = 0x200
SLAB_POISON = 0x400


def test_kmem_cache_set_debug():
    made = lib.kmem_cache_create(b"debugged", 100, 0, 0, None)
    equal(lib.kmem_cache_set_debug(made, 1), -errno.EINVAL)
    equal(lib.kmem_cache_set_debug(made, SLAB_RED_ZONE | SLAB_POISON), 0)
    block = lib.kmem_cache_alloc(made, GFP_KERNEL)
    equal(lib.kmem_cache_set_debug(made, 0), -errno.EBUSY)
    equal(ctypes.string_at(block, 100), b"\x6b" * 99 + b"\xa5")
    equal(ctypes.string_at(block + 100, 4), b"\xcc" * 4)
    equal(lib.kmem_cache_validate(made), None)
    lib.kmem_cache_free(made, block)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_cache_validate():
    made = lib.kmem_cache_create(b"validated", 100, 0, 0, None)
    block = lib.kmem_cache_alloc(made, GFP_KERNEL)
    equal(lib.kmem_cache_validate(made), None)
    lib.kmem_cache_free(made, block)
    equal(lib.kmem_cache_validate(made), None)
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_debug_set():
    equal(lib.kmem_debug_set(b"Z,red*"), 0)
    made = lib.kmem_cache_create(b"red-one", 100, 0, 0, None)
    block = lib.kmem_cache_alloc(made, GFP_KERNEL)
    equal(ctypes.string_at(block + 100, 4), b"\xcc" * 4)
    lib.kmem_cache_free(made, block)
    equal(lib.kmem_cache_destroy(made), 0)
    equal(lib.kmem_debug_set(b"Z," + b"x" * 2000), -errno.EINVAL)
    equal(lib.kmem_debug_set(b"-"), 0)


def test_kmem_validate():
    equal(lib.kmem_validate(), None)


def test_kmem_usable_size():
    equal(lib.kmem_usable_size(None), 0)
    for size in SIZES:
        block = lib.kmem_malloc(size)
        usable = lib.kmem_usable_size(block)
        assert usable >= size, f"{usable} usable of {size}"
        filled(block, usable, 1)
        lib.kmem_free(block)


def test_kmem_good_size():
    for size in SIZES:
        block = lib.kmem_malloc(size)
        equal(lib.kmem_usable_size(block), lib.kmem_good_size(size))
        lib.kmem_free(block)


def test_kmem_trim():
    blocks = [lib.kmem_malloc(1000) for _ in range(10000)]
    for block in blocks:
        ctypes.memset(block, 1, 1000)
        lib.kmem_free(block)
    equal(lib.kmem_trim(), 1)


def test_kmem_kmalloc():
    equal(lib.kmem_kmalloc(0, GFP_KERNEL), 16)
    for size in SIZES + tuple(1 << log for log in range(23)) + (48, 96, 24576, 40960, 49152, 3 << 20):
        block = lib.kmem_kmalloc(size, GFP_KERNEL)
        equal(block % (size & -size), 0)
        filled(block, size, 3)
        lib.kmem_kfree(block)
        block = lib.kmem_kmalloc(size, GFP_KERNEL | GFP_ZERO)
        usable = lib.kmem_ksize(block)
        equal(ctypes.string_at(block, usable), bytes(usable))
        lib.kmem_kfree(block)
    ctypes.set_errno(0)
    equal(lib.kmem_kmalloc(2 << 20, GFP_ATOMIC), None)
    equal(ctypes.get_errno(), errno.EAGAIN)
    equal(lib.kmem_kmalloc(2**63, GFP_KERNEL), None)
    equal(ctypes.get_errno(), errno.ENOMEM)


def test_kmem_kvmalloc():
    for size in SIZES:
        block = lib.kmem_kvmalloc(size, GFP_KERNEL)
        filled(block, size, 3)
        lib.kmem_kfree(block)


def test_kmem_krealloc():
    block = lib.kmem_krealloc(None, 1, GFP_KERNEL)
    filled(block, 1, 5)
    for size in SIZES + SIZES[::-1]:
        block = lib.kmem_krealloc(block, size, GFP_KERNEL)
        equal(ctypes.string_at(block, 1), b"\5")
    equal(lib.kmem_krealloc(block, 0, GFP_KERNEL), 16)


def test_kmem_kfree():
    lib.kmem_kfree(None)
    lib.kmem_kfree(16)
    lib.kmem_kfree(lib.kmem_malloc(100))
    made = cache()
    lib.kmem_kfree(lib.kmem_cache_alloc(made, GFP_KERNEL))
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_kfree_sensitive():
    lib.kmem_kfree_sensitive(None)
    block = lib.kmem_kmalloc(100, GFP_KERNEL)
    filled(block, 100, 7)
    lib.kmem_kfree_sensitive(block)
    equal(ctypes.string_at(block, 100), bytes(100))


def test_kmem_ksize():
    equal(lib.kmem_ksize(None), 0)
    equal(lib.kmem_ksize(16), 0)
    block = lib.kmem_kmalloc(100, GFP_KERNEL)
    equal(lib.kmem_ksize(block), lib.kmem_good_size(100))
    lib.kmem_kfree(block)


def test_kmem_pages_alloc():
    for order in range(12):
        pages = lib.kmem_pages_alloc(order, GFP_KERNEL | GFP_ZERO)
        equal(pages % (4096 << order), 0)
        equal(ctypes.string_at(pages, 4096 << order), bytes(4096 << order))
        filled(pages, 4096 << order, 2)
        lib.kmem_pages_free(pages)
    ctypes.set_errno(0)
    equal(lib.kmem_pages_alloc(36, GFP_KERNEL), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_pages_alloc_exact():
    for size in SIZES:
        pages = lib.kmem_pages_alloc_exact(size, GFP_KERNEL)
        equal(pages % 4096, 0)
        filled(pages, size, 2)
        lib.kmem_pages_free(pages)
    ctypes.set_errno(0)
    equal(lib.kmem_pages_alloc_exact(0, GFP_KERNEL), None)
    equal(ctypes.get_errno(), errno.EINVAL)


def test_kmem_pages_free():
    lib.kmem_pages_free(None)
    lib.kmem_pages_free(lib.kmem_pages_alloc(3, GFP_KERNEL))


def test_kmem_option_set():
    equal(lib.kmem_option_set(b"decay_ms", b"500"), 0)
    equal(lib.kmem_option_set(b"no_such_option", b"1"), -errno.EINVAL)
    equal(lib.kmem_option_set(b"decay_ms", b"soon"), -errno.EINVAL)


def test_kmem_mallinfo2():
    before = lib.kmem_mallinfo2()
    blocks = [lib.kmem_malloc(1000) for _ in range(1000)]
    after = lib.kmem_mallinfo2()
    assert after.uordblks - before.uordblks >= 1000000, "1000 blocks of 1000 bytes are not counted"
    equal(after.uordblks + after.fordblks, after.arena)
    for block in blocks:
        lib.kmem_free(block)


def test_kmem_malloc_info():
    stream = libc.tmpfile()
    equal(lib.kmem_malloc_info(0, stream), 0)
    libc.rewind(stream)
    text = ctypes.create_string_buffer(1 << 20)
    length = libc.fread(text, 1, 1 << 20, stream)
    libc.fclose(stream)
    xml.etree.ElementTree.fromstring(text.raw[:length])
    equal(lib.kmem_malloc_info(1, None), errno.EINVAL)


def test_kmem_malloc_stats():
    lib.kmem_malloc_stats()


def test_kmem_mallopt():
    m_mmap_threshold = -3
    equal(lib.kmem_mallopt(m_mmap_threshold, 1 << 20), 1)
    equal(lib.kmem_mallopt(12345, 1), 0)


def test_kmem_stats_read():
    stats = Stats(size=ctypes.sizeof(Stats))
    made = cache()
    equal(lib.kmem_stats_read(stats), 0)
    assert stats.threads >= 1 and stats.committed <= stats.reserved, "no thread, or too much memory"
    before = stats.caches
    equal(lib.kmem_cache_destroy(made), 0)
    equal(lib.kmem_stats_read(stats), 0)
    equal(stats.caches, before - 1)
    stats.size = 3
    equal(lib.kmem_stats_read(stats), -errno.EINVAL)


def test_kmem_cache_stats():
    stats = CacheStats(size=ctypes.sizeof(CacheStats))
    equal(lib.kmem_option_set(b"stats", b"true"), 0)
    made = cache()
    equal(lib.kmem_option_set(b"stats", b"false"), 0)
    things = [lib.kmem_cache_alloc(made, GFP_KERNEL) for _ in range(100)]
    lib.kmem_cache_free(made, things.pop())
    equal(lib.kmem_cache_stats(made, stats), 0)
    equal((stats.name, stats.object_size, stats.active), (b"calls", 200, 99))
    equal((stats.counted, stats.allocs, stats.frees), (1, 100, 1))
    for thing in things:
        lib.kmem_cache_free(made, thing)
    equal(lib.kmem_cache_destroy(made), 0)
    equal(lib.kmem_cache_stats(made, stats), -errno.EINVAL)


def test_kmem_cache_stats_next():
    stats = CacheStats(size=ctypes.sizeof(CacheStats))
    made, names, last = cache(), [], 0
    while last := lib.kmem_cache_stats_next(last, stats):
        equal(stats.id, last)
        names.append(stats.name)
    assert b"calls" in names, names
    equal(lib.kmem_cache_destroy(made), 0)


def test_kmem_stats_print():
    with tempfile.TemporaryFile() as file:
        equal(lib.kmem_stats_print(file.fileno(), 1), 0)
        file.seek(0)
        stats = json.load(file)
    equal((stats["format"], stats["pid"]), (1, os.getpid()))
    equal(lib.kmem_stats_print(-1, 0), -errno.EBADF)
    equal(lib.kmem_stats_print(1, 9), -errno.EINVAL)


def test_kmem_dump_obj():
    block = lib.kmem_malloc(100)
    equal(lib.kmem_dump_obj(block + 50), True)
    equal(lib.kmem_dump_obj(None), False)
    lib.kmem_free(block)
class ShrinkControl(ctypes.Structure):
    """struct kmem_shrink_control"""
    _fields_ = [("gfp_mask", c_uint), ("nid", c_int), ("nr_to_scan", ctypes.c_ulong),
                ("nr_scanned", ctypes.c_ulong)]


SHRINK = ctypes.CFUNCTYPE(ctypes.c_ulong, c_void_p, POINTER(ShrinkControl))


class Shrinker(ctypes.Structure):
    """struct kmem_shrinker"""
    _fields_ = [("count_objects", SHRINK), ("scan_objects", SHRINK), ("batch", ctypes.c_long),
                ("seeks", c_int), ("flags", c_uint), ("private_data", c_void_p)]


def shrinker(scan):
    """One that has ten objects, registered. The callbacks live as long as what is returned."""
    made = lib.kmem_shrinker_alloc(0, b"calls")
    fields = Shrinker.from_address(made)
    callbacks = SHRINK(lambda made, control: 10), SHRINK(scan)
    equal(lib.kmem_shrinker_register(made), -errno.EINVAL)
    fields.count_objects, fields.scan_objects = callbacks
    equal(lib.kmem_shrinker_register(made), 0)
    return made, callbacks


def test_kmem_shrinker_alloc():
    made = lib.kmem_shrinker_alloc(5, b"calls")
    equal(Shrinker.from_address(made).flags, 5)
    lib.kmem_shrinker_free(made)


def test_kmem_shrinker_register():
    equal(lib.kmem_shrinker_register(None), -errno.EINVAL)
    made, _callbacks = shrinker(lambda made, control: 0)
    equal(lib.kmem_shrinker_register(made), -errno.EINVAL)
    lib.kmem_shrinker_free(made)


def test_kmem_shrinker_free():
    lib.kmem_shrinker_free(None)
    made, _callbacks = shrinker(lambda made, control: 7)
    lib.kmem_shrinker_free(made)
    equal(lib.kmem_shrink(), 0)


def test_kmem_shrink():
    made, _callbacks = shrinker(lambda made, control: control[0].nr_to_scan)
    equal(lib.kmem_shrink(), 10)
    lib.kmem_shrinker_free(made)


class Fault(ctypes.Structure):
    """struct kmem_fault"""
    _fields_ = [("ppm", c_uint), ("interval", c_uint), ("times", ctypes.c_long), ("space", c_size_t),
                ("all", ctypes.c_bool), ("ignore_wait", ctypes.c_bool), ("verbose", c_int),
                ("seed", ctypes.c_ulong), ("depth", c_uint), ("object", ctypes.c_char * 256)]


def test_kmem_fault_set():
    fault = Fault(ppm=1000000, verbose=-1)
    faulty = lib.kmem_cache_create(b"faulty", 100, 0, SLAB_FAILSLAB, None)
    equal(lib.kmem_fault_set(ctypes.byref(fault)), 0)
    ctypes.set_errno(0)
    equal(lib.kmem_cache_alloc(faulty, GFP_KERNEL), None)
    equal(ctypes.get_errno(), errno.ENOMEM)
    # Python is this one's caller, and in another object than the library.
    fault.object = b"nobody"
    equal(lib.kmem_fault_set(ctypes.byref(fault)), 0)
    lib.kmem_cache_free(faulty, lib.kmem_cache_alloc(faulty, GFP_KERNEL))
    fault.ppm = 1000001
    equal(lib.kmem_fault_set(ctypes.byref(fault)), -errno.EINVAL)
    equal(lib.kmem_fault_set(None), 0)
    equal(lib.kmem_cache_destroy(faulty), 0)


def test_kmem_fault_get():
    fault = Fault(ppm=10, interval=2, times=3, space=4, seed=5, depth=6, object=b"libc")
    got = Fault()
    equal(lib.kmem_fault_set(ctypes.byref(fault)), 0)
    lib.kmem_fault_get(ctypes.byref(got))
    equal(bytes(got), bytes(fault))
    equal(lib.kmem_fault_set(None), 0)


def test_kmem_fault_count():
    fault = Fault(ppm=1000000, interval=2, verbose=-1)
    faulty = lib.kmem_cache_create(b"faulty", 100, 0, SLAB_FAILSLAB, None)
    equal(lib.kmem_fault_set(ctypes.byref(fault)), 0)
    for _ in range(10):
        lib.kmem_cache_free(faulty, lib.kmem_cache_alloc(faulty, GFP_KERNEL))
    equal(lib.kmem_fault_count(), 5)
    equal(lib.kmem_fault_set(None), 0)
    equal(lib.kmem_fault_count(), 0)
    equal(lib.kmem_cache_destroy(faulty), 0)


def test_kmem_limit_set():
    equal(lib.kmem_limit_set(1 << 20), -errno.EINVAL)
    equal(lib.kmem_limit_set(1 << 28), 0)
    ctypes.set_errno(0)
    equal(lib.kmem_malloc(1 << 28), None)
    equal(ctypes.get_errno(), errno.ENOMEM)
    equal(lib.kmem_limit_set(0), 0)
    lib.kmem_free(lib.kmem_malloc(1 << 28))


def test_kmem_limit_get():
    equal(lib.kmem_limit_get(), 0)
    equal(lib.kmem_option_set(b"limit_bytes", b"1G"), 0)
    equal(lib.kmem_limit_get(), 1 << 30)
    equal(lib.kmem_limit_set(0), 0)


def test_kmem_limit_usage():
    before = lib.kmem_limit_usage()
    block = lib.kmem_malloc(100 << 20)
    assert lib.kmem_limit_usage() >= before + (100 << 20), "100 MiB are not counted"
    lib.kmem_free(block)
    assert lib.kmem_limit_usage() < before + (1 << 20), "100 MiB still count"


def test_kmem_limit_refusals():
    before = lib.kmem_limit_refusals()
    lib.kmem_limit_set(1 << 28)
    equal(lib.kmem_malloc(1 << 28), None)
    lib.kmem_limit_set(0)
    equal(lib.kmem_limit_refusals(), before + 1)


def test_kmem_limit_notify():
    told = []
    callback = ctypes.CFUNCTYPE(None, c_size_t, c_void_p)(lambda size, data: told.append((size, data)))
    lib.kmem_limit_notify(ctypes.cast(callback, c_void_p), 77)
    lib.kmem_limit_set(1 << 28)
    equal(lib.kmem_malloc(3 << 28), None)
    lib.kmem_limit_notify(None, None)
    equal(lib.kmem_malloc(1 << 28), None)
    lib.kmem_limit_set(0)
    equal(told, [(3 << 28, 77)])


class HeapOptions(ctypes.Structure):
    """struct kmem_heap_options"""
    _fields_ = [("limit_bytes", c_size_t), ("span_bytes", c_size_t), ("fit", c_uint), ("insertion", c_uint),
                ("memory", c_void_p), ("memory_bytes", c_size_t), ("one_thread", ctypes.c_bool),
                ("checked", ctypes.c_bool), ("zero_on_free", ctypes.c_bool)]


class HeapStats(ctypes.Structure):
    """struct kmem_heap_stats"""
    _fields_ = ([("size", c_size_t), ("name", ctypes.c_char * 32)] +
                [(name, ctypes.c_uint64) for name in
                 "spans span_bytes peak limit live_blocks live_bytes free_bytes largest_free allocs frees refusals".split()])


class HeapBlock(ctypes.Structure):
    """struct kmem_heap_block"""
    _fields_ = [("addr", c_void_p), ("nbytes", c_size_t), ("live", ctypes.c_bool)]


HEAP_EACH = ctypes.CFUNCTYPE(c_int, POINTER(HeapBlock), c_void_p)
bind("kmem_heap_create", c_void_p, c_char_p, POINTER(HeapOptions))
bind("kmem_heap_destroy", None, c_void_p)
bind("kmem_heap_reset", None, c_void_p)
bind("kmem_heap_alloc", c_void_p, c_void_p, c_size_t)
bind("kmem_heap_zalloc", c_void_p, c_void_p, c_size_t)
bind("kmem_heap_aligned", c_void_p, c_void_p, c_size_t, c_size_t)
bind("kmem_heap_realloc", c_void_p, c_void_p, c_void_p, c_size_t)
bind("kmem_heap_free", None, c_void_p, c_void_p)
bind("kmem_heap_usable_size", c_size_t, c_void_p, c_void_p)
bind("kmem_heap_walk", c_int, c_void_p, HEAP_EACH, c_void_p)
bind("kmem_heap_validate", c_char_p, c_void_p)
bind("kmem_heap_stats", c_int, c_void_p, POINTER(HeapStats))


def heap(**options):
    made = lib.kmem_heap_create(b"calls", ctypes.byref(HeapOptions(**options)))
    assert made, "no heap"
    return made


def heap_stats(made):
    stats = HeapStats(size=ctypes.sizeof(HeapStats))
    equal(lib.kmem_heap_stats(made, ctypes.byref(stats)), 0)
    return stats


def test_kmem_heap_create():
    lib.kmem_heap_destroy(lib.kmem_heap_create(b"plain", None))
    ctypes.set_errno(0)
    equal(lib.kmem_heap_create(b"", None), None)
    equal(ctypes.get_errno(), errno.EINVAL)
    memory = ctypes.create_string_buffer(1 << 16)
    made = heap(memory=ctypes.addressof(memory), memory_bytes=1 << 16, fit=2, insertion=1, checked=True)
    filled(lib.kmem_heap_alloc(made, 1000), 1000, 3)
    equal(lib.kmem_heap_alloc(made, 1 << 16), None)
    lib.kmem_heap_destroy(made)


def test_kmem_heap_destroy():
    made = heap()
    filled(lib.kmem_heap_alloc(made, 3000000), 3000000, 4)
    lib.kmem_heap_destroy(made)
    lib.kmem_heap_destroy(None)


def test_kmem_heap_reset():
    made = heap(limit_bytes=1 << 20)
    for _ in range(50):
        assert lib.kmem_heap_alloc(made, 900000)
        lib.kmem_heap_reset(made)
    lib.kmem_heap_destroy(made)


def test_kmem_heap_alloc():
    made = heap(limit_bytes=1 << 20)
    filled(lib.kmem_heap_alloc(made, 500), 500, 5)
    ctypes.set_errno(0)
    equal(lib.kmem_heap_alloc(made, 1 << 20), None)
    equal(ctypes.get_errno(), errno.ENOMEM)
    lib.kmem_heap_destroy(made)


def test_kmem_heap_zalloc():
    made = heap()
    one = lib.kmem_heap_alloc(made, 700)
    filled(one, 700, 6)
    lib.kmem_heap_free(made, one)
    equal(ctypes.string_at(lib.kmem_heap_zalloc(made, 700), 700), bytes(700))
    lib.kmem_heap_destroy(made)


def test_kmem_heap_aligned():
    made = heap()
    equal(lib.kmem_heap_aligned(made, 4096, 100) % 4096, 0)
    equal(lib.kmem_heap_aligned(made, 100, 100), None)
    lib.kmem_heap_destroy(made)


def test_kmem_heap_realloc():
    made = heap(span_bytes=1 << 20)
    one = lib.kmem_heap_realloc(made, None, 100)
    filled(one, 100, 7)
    equal(lib.kmem_heap_realloc(made, one, 100000), one)
    equal(ctypes.string_at(one, 100), bytes([7]) * 100)
    equal(lib.kmem_heap_realloc(made, one, 0), None)
    equal(heap_stats(made).live_blocks, 0)
    lib.kmem_heap_destroy(made)


def test_kmem_heap_free():
    made = heap()
    one = lib.kmem_heap_alloc(made, 100)
    lib.kmem_heap_free(made, one)
    lib.kmem_heap_free(made, None)
    equal(lib.kmem_heap_alloc(made, 100), one)
    lib.kmem_heap_destroy(made)


def test_kmem_heap_usable_size():
    for checked, usable in ((False, 104), (True, 100)):
        made = heap(checked=checked)
        equal(lib.kmem_heap_usable_size(made, lib.kmem_heap_alloc(made, 100)), usable)
        lib.kmem_heap_destroy(made)


def test_kmem_heap_walk():
    seen = []
    made = heap()
    blocks = [lib.kmem_heap_alloc(made, 100) for _ in range(300)]
    each = HEAP_EACH(lambda block, data: seen.append((block[0].addr, block[0].live)) or 0)
    equal(lib.kmem_heap_walk(made, each, None), 0)
    equal(sorted(addr for addr, live in seen if live), sorted(blocks))
    equal(len(seen), 301)
    equal(lib.kmem_heap_walk(made, HEAP_EACH(lambda block, data: data), 9), 9)
    lib.kmem_heap_destroy(made)


def test_kmem_heap_validate():
    made = heap()
    one = lib.kmem_heap_alloc(made, 100)
    equal(lib.kmem_heap_validate(made), None)
    head = ctypes.c_uint64.from_address(one - 8)
    head.value ^= 1 << 40
    equal(lib.kmem_heap_validate(made)[:3], b"H1:")
    head.value ^= 1 << 40
    lib.kmem_heap_destroy(made)


def test_kmem_heap_stats():
    made = heap(limit_bytes=1 << 20, span_bytes=1 << 20)
    lib.kmem_heap_free(made, lib.kmem_heap_alloc(made, 1000))
    lib.kmem_heap_alloc(made, 1000)
    stats = heap_stats(made)
    equal((stats.name, stats.spans, stats.span_bytes, stats.limit), (b"calls", 1, 1 << 20, 1 << 20))
    equal((stats.live_blocks, stats.live_bytes, stats.allocs, stats.frees), (1, 1008, 2, 1))
    equal(lib.kmem_heap_stats(made, ctypes.byref(HeapStats(size=5))), -errno.EINVAL)
    lib.kmem_heap_destroy(made)


def main():
    failed = 0
    for name in open(sys.argv[2]).read().split():
        test = globals().get("test_" + name)
        try:
            assert test, "exported, and no call of it here"
            test()
        except Exception as problem:  # pylint: disable=broad-except
            failed += 1
            print(f"{name}: {problem!r}")
        else:
            print(f"{name}: ok")
    return failed > 0


sys.exit(main())
