# SPDX-License-Identifier: MIT
"""kmem validate: the invariants of slab/slab.h, lib/heap.h and buddy/zone.h that can be read.

Threads may have been stopped in the middle of a change. A finding that such a moment explains
is Moving, unless no thread is inside of the library; any other is Damaged, and ends the walk.
"""
import gdb

from . import records
from .caches import SLAB_NOWAIT, SLAB_TYPESAFE_BY_RCU, Caches, holds
from .heaps import read_heaps
from .slabs import Slab
from .target import PAGE_BYTES, WORD, Damaged, read_uint, walk
from .zones import read_zones

FRAMES_MOST = 256
_KIND = records.PAGE_KINDS


class Moving(str):
    """A finding that is none if a thread was stopped inside of the library."""


def validate(target):
    """What is in doubt, then a line on all that was looked at; raises the first Damaged."""
    caches = Caches(target)
    if caches.wrong:
        raise Damaged(caches.wrong[0])
    zones, heaps = read_zones(target), read_heaps(target)
    seen = {"caches": len(caches), "slabs": 0, "heaps": len(heaps), "spans": 0, "blocks": 0, "zones": len(zones)}
    inside = threads_inside(target)
    in_doubt = 0
    for finding in _findings(caches, zones, heaps, seen):
        if isinstance(finding, Moving) and not inside:
            raise Damaged(finding)
        yield finding
        in_doubt += 1
    if inside:
        yield "threads that are or may be inside libkmem: " + ", ".join(map(str, inside))
    yield ", ".join(f"{what} {n}" for what, n in seen.items()) + ": " + \
          (f"{in_doubt} in doubt" if in_doubt else "all is sound")


def threads_inside(target):
    """The numbers of gdb's threads that have a frame in the file that libkmem is in."""
    thread = gdb.selected_thread()
    if not thread:
        return []
    frame = gdb.selected_frame()
    inside = []
    for other in gdb.selected_inferior().threads():
        other.switch()
        if any(target.has_code(pc) for pc in _pcs()):
            inside.append(other.num)
    thread.switch()
    frame.select()
    return sorted(inside)


def _pcs():
    """Where the selected thread is, from the innermost function out."""
    try:
        frame = gdb.newest_frame()
        for _ in range(FRAMES_MOST):
            if not frame:
                return
            yield frame.pc()
            frame = frame.older()
    except gdb.error:
        return  # as far as the stack can be read


def _findings(caches, zones, heaps, seen):
    yield from _check_zones(caches.target, zones)
    yield from _check_slabs(caches, zones, seen)
    yield from _check_heaps(heaps, zones, seen)


def _check_zones(target, zones):
    if read_uint(target.root.page_lock, 4):
        yield Moving("the lock of the zones is held: they were not looked at")
        return
    for zone in zones:
        sums = {"dirty": 0, "clean": 0}
        for _, npages, state in zone.free_runs():
            sums[state] += npages
        for state, npages in sums.items():
            if npages != getattr(zone.record, state):
                raise Damaged(f"Z4: the zone at {zone.record.base:#x} counts {getattr(zone.record, state)} "
                              f"{state} pages, its descriptors {npages}")


def _check_slabs(caches, zones, seen):
    slabs = {}
    for zone in zones:
        for addr, first, end in zone.owned(_KIND["SLAB"]):
            slab = Slab(caches, addr)
            if addr in slabs:
                raise Damaged(f"S5: {slab}: the page map leads to it from two places")
            slabs[addr] = slab
            yield from _check_map(slab, zone, first, end)
            yield from _check_slab(slab)
    seen["slabs"] = len(slabs)
    for cache in caches.values():
        own = {addr: slab for addr, slab in slabs.items() if slab.cache is cache}
        yield from _check_lists(cache, own)
        parked = list(_check_sheaves(cache, own))
        yield from (finding for finding in parked if isinstance(finding, Moving))
        yield from _check_sums(cache, own, len(parked))


def _check_map(slab, zone, first, end):
    """S5: the page map leads from each of its pages to it."""
    cache = slab.cache
    if slab.pages != zone.address(first) or end - first != cache.record.slab_pages or slab.pages % cache.slab_bytes:
        raise Damaged(f"S5: {slab}: its pages begin at {slab.pages:#x}, the page map has {end - first} "
                      f"from {zone.address(first):#x} on")
    for n in range(first, end):
        if zone.ids[n] != cache.id:
            finding = f"S5: {slab}: the page map says {zone.ids[n]} at {zone.address(n):#x}, not {cache.id}"
            if zone.ids[n]:
                raise Damaged(finding)
            yield Moving(finding)


def _check_slab(slab):
    if slab.home >> slab.nobjects:
        raise Damaged(f"S1: {slab}: its bitmap has objects past the last")
    if slab.count > slab.nhome:
        raise Damaged(f"S1: {slab}: {slab.count} free by its count, {slab.nhome} by its bitmap")
    if slab.count < slab.nhome:
        yield Moving(f"S1: {slab}: {slab.count} free by its count, {slab.nhome} by its bitmap")
    if slab.fresh > slab.nobjects or slab.out >> slab.fresh:
        yield Moving(f"S4: {slab}: an object that was never handed out is not at home")
    if slab.cache.is_marked and slab.home & ~slab.held:
        yield Moving(f"{slab}: an object is at home that the program has")


def _check_lists(cache, slabs):
    """S2, and the counts of slabs."""
    record = cache.record
    if cache.field("lock", 4):
        yield Moving(f"S2: cache '{cache.name}': its lock is held, its lists were not looked at")
        return
    lengths, listed = [], set()
    nlists = cache.target.layout.nlists
    for number, first in enumerate(cache.lists()):
        length = len(listed)
        for addr in walk(first, lambda addr: slabs[addr].next if addr in slabs else 0,
                         f"slabs of cache '{cache.name}'", len(slabs) + 1):
            if addr not in slabs or addr in listed:
                raise Damaged(f"S2: cache '{cache.name}': list {number} has {addr:#x}, which is none of its slabs, "
                              "or twice")
            yield from _check_listed(slabs[addr], number % nlists, nlists - 1)
            listed.add(addr)
        lengths.append(len(listed) - length)
    empty = sum(lengths[nlists - 1::nlists])
    if empty != record.nslabs_empty:
        raise Damaged(f"cache '{cache.name}' counts {record.nslabs_empty} empty slabs, its list has {empty}")
    if record.nslabs > len(slabs):
        raise Damaged(f"cache '{cache.name}' counts {record.nslabs} slabs, the page map has {len(slabs)}")
    if record.flags & SLAB_TYPESAFE_BY_RCU:
        return  # further slabs wait for readers
    if record.nslabs < len(slabs):
        yield Moving(f"cache '{cache.name}' counts {record.nslabs} slabs, the page map has {len(slabs)}")
    for addr, slab in slabs.items():
        if addr not in listed and not slab.is_owned:
            yield Moving(f"S2: {slab} has no owner, and is on no list")


def _check_listed(slab, number, last):
    if slab.is_owned or slab.list != number:
        raise Damaged(f"S2: {slab} is on list {number}, but has an owner, or says {slab.list}")
    fits = {0: slab.count < 1, last: slab.count == slab.nobjects}.get(number, 0 < slab.count < slab.nobjects)
    if fits:
        return
    finding = f"S2: {slab} is on list {number} with {slab.count} of {slab.nobjects} objects free"
    if not slab.cache.record.flags & SLAB_NOWAIT:
        raise Damaged(finding)
    yield Moving(finding)


def _check_sheaves(cache, slabs):
    """What is in sheaves are objects of the cache, each once, that are not at home: each, or what is wrong with it."""
    by_pages = {slab.pages: slab for slab in slabs.values()}
    found = set()
    for hold in holds(cache):
        if hold.slab and hold.slab not in slabs:
            yield Moving(f"{hold.place} owns {hold.slab:#x}, which is no slab of cache '{cache.name}'")
        for obj in hold.objects:
            slab = by_pages.get(obj & -cache.slab_bytes)
            wrong = None
            if not slab or not slab.begins_object(obj):
                wrong = "is none"
            elif slab.is_home(slab.index_of(obj)):
                wrong = "is at home"
            elif obj in found:
                wrong = "is in a sheaf twice"
            found.add(obj)
            yield Moving(f"{hold.place} has in a sheaf, of cache '{cache.name}', object {obj:#x}, which {wrong}") \
                if wrong else obj


def _check_sums(cache, slabs, nparked):
    """What the counts of all threads say has left the slabs, and what has.

    Where each allocation is counted, what is in sheaves or in quarantine is away for the slabs alone.
    """
    counted = getattr(cache.record, "counted", 0)
    away = (cache.away + (nparked if counted else 0)) % WORD
    away -= WORD if away >> 63 else 0
    out = sum(bin(slab.out & ~slab.held if counted else slab.out).count("1") for slab in slabs.values())
    finding = f"cache '{cache.name}': {away} objects have left its slabs by the counts, {out} by the bitmaps"
    if away < out:
        yield Moving(finding)
    elif away > out:
        yield finding + "; guarded ones are in no slab"


def _check_heaps(heaps, zones, seen):
    owned = {
        addr: (zone.address(first), end - first)
        for zone in zones for addr, first, end in zone.owned(_KIND["SPAN"])
    }
    for heap in heaps:
        if heap.is_locked:
            yield Moving(f"heap '{heap.name}': its lock is held, it was not looked at")
            continue
        if heap.record.given:
            continue
        spans = list(heap.spans())
        sums = [_check_span(heap, span, owned.get(span.addr)) for span in spans]
        live, nbytes = (sum(column) for column in zip(*sums)) if sums else (0, 0)
        seen["spans"] += len(spans)
        seen["blocks"] += live
        yield from _check_counts(heap, spans, live, nbytes)


def _check_span(heap, span, pages):
    """H1 to H3, H5; its live blocks and their bytes."""
    where = f"heap '{heap.name}', span at {span.base:#x}"
    if pages != (span.base, span.nbytes // PAGE_BYTES) or span.heap != heap.addr:
        raise Damaged(f"{where}: the page map does not lead to it, or it is of another heap")
    live = in_hand = nbytes = 0
    before = None
    for block in _blocks(span, where):
        prev_free = bool(before and before.is_free)
        if block.is_prev_free != prev_free:
            raise Damaged(f"H3: {where}: the tag of the block at {block.payload:#x} disagrees with the block before it")
        if prev_free and block.is_free:
            raise Damaged(f"H2: {where}: the block at {block.payload:#x} and the one before it are both free")
        if prev_free and block.size_before != before.size:
            raise Damaged(f"H3: {where}: the end of the free block at {before.payload:#x} was overwritten")
        if block.is_live:
            live += 1
            nbytes += block.size
        in_hand += block.is_in_hand
        before = block
    if before.payload != span.base + span.nbytes:
        raise Damaged(f"H1: {where}: its blocks end at {before.payload:#x}")
    if live + in_hand != span.live:
        raise Damaged(f"H5: {where}: it counts {span.live} live blocks, and has {live + in_hand}")
    return live, nbytes


def _blocks(span, where):
    try:
        yield from span.blocks()
    except Damaged as damaged:
        raise Damaged(f"H1: {where}: {damaged}") from None


def _check_counts(heap, spans, live, nbytes):
    record = heap.record
    counts = {
        "spans": (record.nspans, len(spans)),
        "bytes of spans": (record.span_bytes, sum(span.nbytes for span in spans)),
        "blocks in use": (record.live_blocks, live),
        "bytes in use": (record.live_bytes, nbytes),
    }
    for what, (counted, found) in counts.items():
        if counted != found:
            yield Moving(f"heap '{heap.name}' counts {counted} {what}, there are {found}")
