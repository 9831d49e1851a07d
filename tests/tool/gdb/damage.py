# SPDX-License-Identifier: MIT
"""Damages the records of a stopped program one after the other, and looks at what kmem says.

Sourced by gdb, in the program target.c at its breakpoint. Prints a line "ok" or "not ok" each.
"""
import random
import time

import gdb
from kmem_gdb.caches import Caches
from kmem_gdb.heaps import Block, Heap
from kmem_gdb.slabs import slab_of
from kmem_gdb.target import Target, read, read_uint, root_addresses

COMMANDS = ("caches", "heap", "heap malloc-heap-1", "slab live", "slab parked", "whatis live", "whatis parked",
            "whatis seen", "whatis block", "whatis run + 8192", "whatis mapping + 9999999", "validate")
PAGES = 4096


def value(name):
    return int(gdb.parse_and_eval(f"(unsigned long) {name}"))


def poke(addr, nbytes, number):
    gdb.selected_inferior().write_memory(addr, (number % (1 << 8 * nbytes)).to_bytes(nbytes, "little"))


def says(command):
    """What a command prints, or the one line it fails with. Any other exception is a bug of it."""
    try:
        return gdb.execute("kmem " + command, to_string=True)
    except gdb.error as error:
        if "Python" in str(error) or str(error).count("\n"):
            raise
        return str(error)


class Case:
    """Some words to write, and what kmem validate is to say then."""

    def __init__(self, name, expected, *pokes):
        self.name = name
        self.expected = expected
        self.pokes = pokes

    def run(self):
        before = [(addr, read(addr, nbytes)) for addr, nbytes, _ in self.pokes]
        for addr, nbytes, number in self.pokes:
            poke(addr, nbytes, number)
        answers = {command: says(command) for command in COMMANDS}
        for addr, memory in before:
            gdb.selected_inferior().write_memory(addr, memory)
        answer = answers["validate"].strip()
        right = self.expected in answer and "all is sound" in says("validate")
        print("ok" if right else "not ok", "-", self.name, "-", answer.replace("\n", "; "))


def plus(addr, nbytes, more):
    return addr, nbytes, read_uint(addr, nbytes) + more


def slab_cases(target, caches):
    layout = target.layout
    full, part = slab_of(caches, value("live")), slab_of(caches, value("parked"))
    tracked = slab_of(caches, value("seen"))
    count, free = part.addr + layout.slab_state + 4, part.addr + layout.slab_free
    leaf = target.leaf(part.base)
    yield Case("a slab's count is too high", "S1: slab", plus(count, 4, 1))
    yield Case("a slab's count is too low", "S1: slab", plus(count, 4, -1))
    yield Case("a slab's bitmap has lost an object", "S1: slab", (free + 56, 8, (1 << 63) - 1))
    yield Case("an object that was never handed out is out", "S4: slab", (free + 56, 8, (1 << 63) - 1),
               plus(count, 4, -1))
    yield Case("a bit past the last object", "past the last", (tracked.addr + layout.slab_free + 56, 8, 1 << 63))
    yield Case("the program has an object that is at home", "is at home that the program has",
               (tracked.addr + layout.slab_marks, 8, 0))
    yield Case("a page of a slab with another id", "S5: slab", (leaf + 2 * (part.base // PAGES % (1 << 18) + 1), 2, 2))
    yield Case("a slab's base", "S5: slab", plus(part.addr + layout.slab_base, 8, 4096))
    yield Case("a slab of no cache", "is of no cache", (part.addr + layout.slab_cache, 8, value("&live")))
    yield Case("a slab says another list", "S2: slab", (full.addr + layout.slab_list, 4, 3))
    yield Case("a list in a ring", "does not end", (full.addr + layout.slab_next, 8, full.addr))
    yield Case("a list that leads elsewhere", "none of its slabs", (full.addr + layout.slab_next, 8, value("live")))
    yield Case("a list without its slab", "is on no list", (full.cache.addr + layout.cache_lists, 8, 0))
    yield Case("a full slab with a free object", "S2: slab", plus(full.addr + layout.slab_state + 4, 4, 1),
               plus(full.addr + layout.slab_free, 8, 1))


def cache_cases(target, caches):
    cache = slab_of(caches, value("live")).cache
    record = type(cache.record)

    def field(name):
        return cache.addr + getattr(record, name).offset

    yield Case("a cache's name", "all is sound", (field("name"), 8, 0x1b5b1b5b1b5b1b5b))
    yield Case("a cache counts a slab too many", "counts 4 slabs", plus(field("nslabs"), 4, 1))
    yield Case("a cache counts a slab too few", "counts 2 slabs", plus(field("nslabs"), 4, -1))
    yield Case("a cache counts an empty slab", "counts 1 empty slabs", plus(field("nslabs_empty"), 4, 1))
    yield Case("a cache with a stride of 0", "makes no sense", (field("stride"), 4, 0))
    yield Case("a cache with huge slabs", "makes no sense", (field("slab_pages"), 4, ~0))
    yield Case("an object was counted home twice", "have left its slabs", plus(field("given"), 8, 1))
    yield Case("an object was counted out twice", "guarded ones", plus(field("taken"), 8, 1))
    thread = next(thread for thread in target.threads() if thread.tid == gdb.selected_inferior().pid)
    slot = thread.slots + cache.id * target.root.slot_size
    top = read_uint(slot, 8) & -8
    yield Case("a sheaf has an object twice", "twice", (top, 8, read_uint(top - 8, 8)))
    yield Case("a sheaf has what is no object", "which is none", (top, 8, value("parked") + 8))
    yield Case("a sheaf's mask", "has mask", plus(slot + 8, 8, 16))
    yield Case("a barn of nowhere", "cannot be read", (cache.addr + target.layout.cache_barns, 8, 4096))
    yield Case("a thread follows itself", "does not end", (target.root.threads, 8, target.root.threads))


def heap_cases(target):
    layout = target.layout
    secret = read_uint(target.root.block_secret, 8)
    head = value("block") - 8
    block = Block(head, read_uint(head, 8), secret)
    owner = target.page(value("block")).owner
    heap = Heap(target, read_uint(owner + layout.span_heap, 8))
    live_bytes = heap.addr + type(heap.record).live_bytes.offset
    last = read_uint(owner + layout.span_base, 8) + read_uint(owner + layout.span_nbytes, 8) - 8
    yield Case("a block's head was overwritten", "H1: heap", (head, 8, 0x6262626262626262))
    yield Case("a block's tag", "H3: heap", (head, 8, forged(block, block.low | 2)))
    yield Case("a block's size", "H1: heap", (head, 8, forged(block, block.low + (8 << 20))))
    yield Case("a free block's end", "H3: heap", (last - 8, 8, 48))
    yield Case("a span's count", "H5: heap", plus(owner + layout.span_live, 4, 1))
    yield Case("a span's size", "has 9", (owner + layout.span_nbytes, 8, 9 << 30))
    yield Case("a heap's bytes", "bytes in use", plus(live_bytes, 8, 16))
    yield Case("spans in a ring", "does not end", (owner + layout.span_next, 8, owner))


def forged(block, low):
    """A head with a true check."""
    mixed = block.addr >> 3 ^ low << 20 ^ block.secret
    return mixed * 0x9e3779b97f4a7c15 >> 32 << 32 & (1 << 64) - 1 | low


def root_cases(target):
    root = next(root_addresses())
    zone = target.root.zones

    def field(name):
        return root + getattr(type(target.root), name).offset

    yield Case("a zone's count of free pages", "Z4: ", plus(zone + 32, 8, 1))
    yield Case("a zone's watermark", "pages at", plus(zone + 24, 8, 1 << 40))
    yield Case("another version", "publishes version 7", (field("version"), 4, 7))
    yield Case("records of other sizes", "of other sizes", (field("cache_size"), 4, 8))
    yield Case("no magic", "no libkmem", (root, 8, 0))
    yield Case("no zones yet", "not initialised", (field("zones"), 8, 0))
    yield Case("a table of nowhere", "cannot be read", (field("caches"), 8, 4096))
    yield Case("a list of threads of nowhere", "cannot be read", (field("threads"), 8, 4096))


def fuzz(target, caches, seed, rounds):
    """Words at random: nothing but lines comes of it, and in bounded time."""
    print("# seed", seed)
    dice = random.Random(seed)
    root = next(root_addresses())
    slab = slab_of(caches, value("parked"))
    span = target.page(value("block")).owner
    leaf = target.leaf(slab.base)
    regions = [(root, 320), (slab.cache.addr, 512), (slab.addr, 128), (span, 64), (target.root.zones, 64),
               (target.root.threads, 64), (target.root.heaps, 128), (value("block") - 8, 8),
               (leaf + target.layout.leaf_pages + 16 * (slab.base // PAGES % (1 << 18)), 1024),
               (target.root.chunks, 256)]
    interesting = [0, 1, 8, 4096, 1 << 31, 1 << 32, (1 << 47) - 8, (1 << 63) - 1, ~0, root, slab.addr, span,
                   value("block"), value("&live")]
    slowest = 0
    for _ in range(rounds):
        start, nbytes = dice.choice(regions)
        addr = start + dice.randrange(nbytes // 4) * 4
        memory = read(addr, 8)
        poke(addr, 8, dice.choice(interesting) if dice.random() < 0.7 else dice.getrandbits(64))
        began = time.monotonic()
        for command in COMMANDS:
            says(command)
        slowest = max(slowest, time.monotonic() - began)
        gdb.selected_inferior().write_memory(addr, memory)
    print("ok" if slowest < 20 and "all is sound" in says("validate") else "not ok",
          f"- {rounds} words at random, the slowest round took {slowest:.1f} s")


def main():
    target = Target()
    caches = Caches(target)
    for case in (*slab_cases(target, caches), *cache_cases(target, caches), *heap_cases(target), *root_cases(target)):
        case.run()
    fuzz(target, caches, int(time.time()), 150)


main()
