# SPDX-License-Identifier: MIT
"""kmem whatis: what an address is of."""
import ctypes
import re

import gdb

from . import records
from .caches import SLAB_STORE_USER, bins, holds
from .heaps import HEAD, Span, read_heaps
from .slabs import MEANING, PARKED, Slab
from .target import PAGE_BYTES, Damaged, read, read_record, read_uint, read_words, text
from .zones import read_zones

FRAMES_MOST = 64
_KIND = records.PAGE_KINDS


def whatis(caches, addr):
    """Lines on where the address lies."""
    target = caches.target
    page_id = target.page_id(addr)
    if page_id in caches:
        yield from _object(caches, addr)
    elif page_id == 1 and target.page(addr).bits & 0xff == _KIND["GUARDED"]:
        yield from _guarded(caches, addr)
    elif page_id == 1 or target.is_bin(page_id):
        yield from _pages(target, addr, addr & -PAGE_BYTES)
    elif page_id:
        raise Damaged(f"{addr:#x}: its page is of cache {page_id}, which there is not")
    else:
        yield from _without_id(target, addr)


def _object(caches, addr):
    slab = Slab(caches, caches.target.page(addr).owner)
    index = slab.index_of(addr)
    if not 0 <= index < slab.nobjects:
        yield f"{addr:#x} is in no object: behind the last of {slab}"
        return
    obj = slab.object_at(index)
    cache = slab.cache
    places = _places(cache)
    state = slab.state_of(index, places)
    where = f" of {places[obj]}" if state == PARKED else ""
    offset = f"{addr - obj} bytes into" if addr >= obj else f"{obj - addr} bytes before"
    yield f"{addr:#x} is {offset} object {index} at {obj:#x} of cache '{cache.name}', " \
          f"{cache.record.object_size} bytes: {MEANING[state]}{where}"
    yield f"  {slab}"
    yield from _tracks(cache, obj)


def _places(*caches):
    """In whose sheaf an object or block is, by its address."""
    return {obj: hold.place for cache in caches for hold in holds(cache) for obj in hold.objects}


def _block_state(target, addr):
    place = _places(*bins(target)).get(addr)
    return f"free, in a sheaf of {place}" if place else "in use"


def _tracks(cache, obj):
    """Who allocated and who freed an object, where the cache keeps that."""
    if not cache.debug_flags & SLAB_STORE_USER:
        return
    yield from _tracks_at(cache.target, obj + cache.field("tracks", 4))


def _tracks_at(target, first):
    for n, did in enumerate(("allocated", "freed")):
        track = read_record(records.Track, first + n * ctypes.sizeof(records.Track))
        if track.tid:
            yield f"  {did} by thread {track.tid} on cpu {track.cpu}"
            yield from (f"    {line}" for line in _stack(target, track.stack))


def _stack(target, number):
    if not number:
        return
    addr = target.record_at(number)
    nframes = read_record(records.Stack, addr).nframes
    if nframes > FRAMES_MOST:
        raise Damaged(f"the stack at {addr:#x} has {nframes} frames")
    for pc in read_words(addr + ctypes.sizeof(records.Stack), nframes):
        # The call, not what follows it.
        answer = gdb.execute(f"info symbol {pc - 1}", to_string=True)
        symbol = re.match(r"(.*?)( \+ \d+)? in section", answer)
        line = gdb.find_pc_line(pc - 1)
        source = f"  {line.symtab.filename}:{line.line}" if line.symtab else ""
        yield f"{pc:#x} {symbol[1] if symbol else '?'}{source}"


def _pages(target, addr, first):
    """Of the pages from first on, which have an id."""
    page = target.page(first)
    kind = page.bits & 0xff
    if kind in (_KIND["SPAN"], _KIND["NONE"]):
        yield _block(target, addr, page.owner)
    elif kind in (_KIND["RUN"], _KIND["LARGE"]) and addr - first < page.npages * PAGE_BYTES:
        source = "kmem_pages_alloc" if kind == _KIND["RUN"] else "malloc"
        run = "mapping" if page.bits & 0x100 else "run"
        yield f"{addr:#x} is {addr - first} bytes into the {run} of {page.npages} pages at {first:#x} " \
              f"from {source}: {_block_state(target, first)}"
    elif kind == _KIND["DEBUG"]:
        yield f"{addr:#x} is {addr - first} bytes into the debugged block at {first:#x}, or behind it"
    else:
        yield _not_used(target, addr)


def _guarded(caches, addr):
    """On a page of the pool of guarded objects."""
    target = caches.target
    layout = target.layout
    pool = read_record(records.Pool, layout.guard_pool)
    page = (addr - pool.base) // pool.unit if pool.unit else 0
    record = pool.objects + page // 2 * layout.guard_size
    state = read_uint(record + layout.guard_state, 4) if page % 2 and page // 2 < pool.nobjects else 0
    if not state:
        yield f"{addr:#x} is in the pool of guarded objects, in none of them"
        return
    obj = read_uint(record + layout.guard_object, 8)
    nbytes = read_uint(record + layout.guard_nbytes, 4)
    name = text(read(record + layout.guard_name, 64).split(b"\0")[0])
    offset = f"{addr - obj} bytes into" if addr >= obj else f"{obj - addr} bytes before"
    place = _places(*caches.values()).get(obj)
    state = f"free, in a sheaf of {place}" if place else "in use" if state == records.GUARD_LIVE else "free"
    yield f"{addr:#x} is {offset} guarded object {page // 2} at {obj:#x} of cache '{name}', {nbytes} bytes: {state}"
    yield from _tracks_at(target, record + layout.guard_tracks)


def _block(target, addr, owner):
    span = Span(target, owner)
    heap = next((heap for heap in read_heaps(target) if heap.addr == span.heap), None)
    if not heap:
        raise Damaged(f"the span at {owner:#x} is of no heap: {span.heap:#x}")
    block = span.block_with(addr)
    if not block or block.is_end:
        return f"{addr:#x} is in no block of heap '{heap.name}': span at {span.base:#x}"
    state = _block_state(target, block.payload) if block.is_live else "free"
    if addr < block.payload:
        return f"{addr:#x} is in the head of the block at {block.payload:#x} of heap '{heap.name}': {state}"
    return f"{addr:#x} is {addr - block.payload} bytes into the block of {block.size - HEAD} bytes at " \
           f"{block.payload:#x} of heap '{heap.name}': {state}"


def _without_id(target, addr):
    """The page is inside of a run, free, or none of libkmem's."""
    first = _page_below(target, addr)
    page = target.page(first) if first else None
    kind = page.bits & 0xff if page else None
    reaches = page and addr - first < page.npages * PAGE_BYTES
    if kind == _KIND["DEBUG"] or kind in (_KIND["RUN"], _KIND["LARGE"]) and reaches:
        yield from _pages(target, addr, first)
    else:
        yield _not_used(target, addr)


def _page_below(target, addr):
    """The next page below that has an id, within the largest run there can be."""
    least = addr - max(target.root.mapped_bytes, 1 << 30)
    while addr > max(least, 0):
        start = addr >> 30 << 30
        leaf = target.leaf(addr)
        ids = read(leaf, 2 * ((addr - start) // PAGE_BYTES + 1)).rstrip(b"\0") if leaf else b""
        if ids:
            return start + (len(ids) - 1) // 2 * PAGE_BYTES
        addr = start - 1
    return None


def _free_pages(zone, addr):
    index = (addr - zone.record.base) // PAGE_BYTES
    if index >= len(zone.pages):
        return "a zone of libkmem's, in the part that is not used yet"
    for first, npages, state in zone.free_runs():
        if first <= index < first + npages:
            return f"a free run of {npages} {state} pages at {zone.address(first):#x}"
    return "a page of libkmem's, in no object or block"


def _not_used(target, addr):
    for zone in read_zones(target):
        if zone.holds(addr):
            return f"{addr:#x} is in {_free_pages(zone, addr)}"
    if target.holds_record(addr, 1):
        return f"{addr:#x} is in a record of libkmem's own"
    return f"{addr:#x} is not libkmem's"
