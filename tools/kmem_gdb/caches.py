# SPDX-License-Identifier: MIT
"""Caches, what threads and barns hold of them, and slabtop's table."""
from functools import cached_property

from . import records
from .target import PAGE_BYTES, WORD, Damaged, read, read_record, read_uint, read_words, text, walk

SHEAF_MOST = 64 << 10
SLAB_MOST = 1 << 30
PLACES_MOST = 128
NODES_MOST = 1024
# Of kmem/cache.h.
SLAB_STORE_USER = 0x800
SLAB_TYPESAFE_BY_RCU = 0x4000
SLAB_NOWAIT = 0x20000


class Cache:
    """A cache's record, what lies behind it, and its counts over all threads."""

    def __init__(self, target, addr, record):
        self.target = target
        self.addr = addr
        self.record = record
        self.id = record.id
        self.name = text(record.name)
        self.slab_bytes = record.slab_pages * PAGE_BYTES
        self.objects = record.nslabs * record.slab_objects
        self.away = record.taken - record.given
        self.parked = record.lent

    def check(self, cache_id):
        record = self.record
        if record.id != cache_id or not record.stride or \
                record.stride * record.slab_objects > self.slab_bytes or \
                record.slab_objects > 64 * self.target.layout.slab_words or \
                self.slab_bytes > SLAB_MOST:
            raise Damaged(f"the record of cache {cache_id} at {self.addr:#x} makes no sense")

    def field(self, name, nbytes):
        return read_uint(self.addr + getattr(self.target.layout, "cache_" + name), nbytes)

    @cached_property
    def debug_flags(self):
        return self.field("debug", 4)

    @cached_property
    def left(self):
        """Bytes of a slab's pages before its first object."""
        left = self.field("left", 4) if self.debug_flags else 0
        return left if left < self.slab_bytes else 0

    @cached_property
    def is_marked(self):
        """Do its slabs know which objects the program has?"""
        return bool(self.debug_flags or self.field("hardened", 1))

    @property
    def active(self):
        return _clamp(self.away - self.parked, self.objects)

    @property
    def active_slabs(self):
        return max(self.record.nslabs - self.record.nslabs_empty, 0)

    @property
    def use(self):
        return self.active * 100 // self.objects if self.objects else 0

    def lists(self):
        """The addresses of the first slabs of its lists, those of its other nodes (NUMA) behind its own."""
        layout = self.target.layout
        firsts = read_words(self.addr + layout.cache_lists, layout.nlists)
        for place in self.places():
            firsts += read_words(place + layout.place_lists, layout.nlists)
        return firsts

    def places(self):
        """The addresses of what it has of other nodes than the first."""
        layout = self.target.layout
        if not layout.cache_places:
            return []
        return list(walk(self.field("places", 8), lambda addr: read_uint(addr + layout.place_next, 8),
                         f"nodes of cache '{self.name}'", PLACES_MOST))


def _clamp(count, most):
    """What arithmetic modulo 2^64 left, between 0 and most."""
    count %= WORD
    return 0 if count >> 63 else min(count, most)


class Caches(dict):
    """The caches by id; wrong says what was left out, in lines."""

    def __init__(self, target):
        super().__init__()
        self.target = target
        self.by_addr = {}
        self.wrong = []
        for cache_id, addr in enumerate(read_words(target.root.caches, target.root.ncaches)):
            if addr:
                self._trying(self._add, cache_id, addr)
        for thread in target.threads():
            self._trying(self._add_thread, thread)

    def _trying(self, add, *what):
        try:
            add(*what)
        except Damaged as damaged:
            self.wrong.append(str(damaged))

    def _add(self, cache_id, addr):
        cache = Cache(self.target, addr, read_record(records.Cache, addr))
        if cache.id and cache.record.generation:
            cache.check(cache_id)
            self[cache_id] = self.by_addr[addr] = cache

    def _add_thread(self, thread):
        root = self.target.root
        n = min(thread.nslots, root.ncaches)
        if not n:
            return
        slots = read(thread.slots, n * root.slot_size)
        shelves = read(thread.shelves - (n - 1) * root.shelf_size, n * root.shelf_size)
        for cache in (cache for cache in self.values() if cache.id < n):
            slot = records.Slot.from_buffer_copy(slots, cache.id * root.slot_size)
            shelf = records.Shelf.from_buffer_copy(shelves, (n - 1 - cache.id) * root.shelf_size)
            cache.away += shelf.taken - shelf.given
            cache.parked += shelf.lent + _fill(slot) + _fill(shelf.spare)


def _fill(slot):
    return (slot.sp & slot.mask) // 8


def bins(target):
    """Of the blocks of heaps and runs: records without a name, for what is in sheaves."""
    first = target.layout.first_bin
    n = min(target.layout.nbins, max(target.root.max_caches - first, 0))
    for bin_id, addr in enumerate(read_words(target.root.caches + 8 * first, n), first):
        if addr:
            cache = Cache(target, addr, read_record(records.Cache, addr))
            cache.id = bin_id
            yield cache


class Hold:
    """What one thread, or a barn, has of a cache: its sheaves' objects, its active slab."""

    def __init__(self, place, objects=(), slab=0):
        self.place = place
        self.objects = objects
        self.slab = slab


def holds(cache):
    """All that threads and barns have of a cache."""
    target = cache.target
    for thread in target.threads():
        if cache.id >= thread.nslots:
            continue
        slot = read_record(records.Slot, thread.slots + cache.id * target.root.slot_size)
        shelf = read_record(records.Shelf, thread.shelves - cache.id * target.root.shelf_size)
        objects = _loaded(slot, cache) + _loaded(shelf.spare, cache)
        if objects or shelf.slab:
            yield Hold(f"thread {thread.tid}", objects, shelf.slab)
    barns = cache.field("barns", 8)
    for n in range(target.layout.nbarns if barns else 0):
        yield Hold(f"barn {n}", _barn(target, barns + n * target.layout.barn_size))
    for place in cache.places():
        node = read_uint(place + target.layout.place_node, 4)
        name = f"node {node}" if node < NODES_MOST else "of several nodes,"
        for n in range(target.layout.nbarns):
            addr = place + target.layout.place_barns + n * target.layout.barn_size
            yield Hold(f"{name} barn {n}", _barn(target, addr))


def _loaded(slot, cache):
    """The objects of the sheaf in a slot. Where all are counted its level is in sp, mask is 0."""
    mask = slot.mask
    if not mask and slot.sp and getattr(cache.record, "counted", 0):
        mask = (16 << (slot.sp & 7)) - 8
    if not mask:
        return ()
    if mask + 8 & mask + 7 or mask > SHEAF_MOST:
        raise Damaged(f"a sheaf of cache '{cache.name}' has mask {mask:#x}")
    base = slot.sp & ~(mask | 7)
    return read_words(base + 8, (slot.sp & mask) // 8)


def _barn(target, barn):
    """The objects of the full sheaves in a barn."""
    def next_sheaf(sheaf):
        index = read_uint(sheaf + 4, 4)
        return target.record_at(index) if index else 0

    index = read_uint(barn + target.layout.barn_full, 8) & 0xffffffff
    objects = []
    for sheaf in walk(target.record_at(index) if index else 0, next_sheaf, "a barn's sheaves"):
        level = read_uint(sheaf, 4)
        if 16 << min(level, 32) > SHEAF_MOST:
            raise Damaged(f"the sheaf at {sheaf:#x} has level {level}")
        objects += read_words(sheaf + 8, (2 << level) - 1)
    return objects


def _percent(part, whole):
    return 100 * part / whole if whole else 0


def _kib(nbytes):
    return f"{nbytes / 1024:.2f}K"


def _totals(caches):
    """slabtop's five lines."""
    pairs = {
        "Objects": (sum(c.active for c in caches), sum(c.objects for c in caches)),
        "Slabs": (sum(c.active_slabs for c in caches), sum(c.record.nslabs for c in caches)),
        "Caches": (sum(c.objects > 0 for c in caches), len(caches)),
    }
    for what, (active, total) in pairs.items():
        yield f" {f'Active / Total {what} (% used)':35}: {active} / {total} ({_percent(active, total):.1f}%)"
    active = sum(c.active * c.record.stride for c in caches)
    total = sum(c.objects * c.record.stride for c in caches)
    yield f" {'Active / Total Size (% used)':35}: {_kib(active)} / {_kib(total)} ({_percent(active, total):.1f}%)"
    strides = [c.record.stride for c in caches] or [0]
    mean = total / (pairs["Objects"][1] or 1)
    yield f" {'Minimum / Average / Maximum Object':35}: " \
          f"{_kib(min(strides))} / {_kib(mean)} / {_kib(max(strides))}"


def table(caches):
    """The lines of kmemtop -o."""
    caches = sorted(caches, key=lambda c: (-c.objects, c.record.name))
    yield from _totals(caches)
    yield ""
    yield f"{'OBJS':>6} {'ACTIVE':>6} {'USE':>4} {'OBJ SIZE':>8} {'SLABS':>6} {'OBJ/SLAB':>8} " \
          f"{'CACHE SIZE':>10} {'NAME':23}"
    for c in caches:
        record = c.record
        moving = "*" if record.seq & 1 else ""
        yield f"{c.objects:6} {c.active:6} {c.use:3}% {_kib(record.stride):>8} {record.nslabs:6} " \
              f"{record.slab_objects:8} {f'{record.nslabs * c.slab_bytes // 1024}K':>10} {c.name + moving:23}"
