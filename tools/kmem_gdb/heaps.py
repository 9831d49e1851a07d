# SPDX-License-Identifier: MIT
"""The boundary-tag heaps: spans, and the blocks in them."""
from collections import namedtuple

from . import records
from .target import WORD, Damaged, read_record, read_uint, text, walk

HEAD = 8
SIZE_MIN = 32
SPAN_MOST = 64 << 20
QUICK_MOST = 512


class Block(namedtuple("Block", "addr head secret")):
    """The head of a block, at addr; the program's bytes begin 8 behind it."""

    @property
    def low(self):
        return self.head & 0xffffffff

    @property
    def size(self):
        return self.low & ~15

    @property
    def is_free(self):
        return bool(self.low & records.BLOCK_FREE)

    @property
    def is_prev_free(self):
        return bool(self.low & records.BLOCK_PREV_FREE)

    @property
    def is_end(self):
        return bool(self.low & records.BLOCK_END)

    @property
    def is_live(self):
        """A quick block was freed, but is to its neighbours as one in use."""
        return not self.low & (records.BLOCK_FREE | records.BLOCK_END | records.BLOCK_QUICK)

    @property
    def is_in_hand(self):
        """Quick, and too large to be in a list: a thread is giving its pages back; its span counts it."""
        return bool(self.low & records.BLOCK_QUICK) and self.size > QUICK_MOST

    @property
    def is_sound(self):
        head = self.head
        if head & records.BLOCK_QUICK:
            head ^= (self.secret << 32) % WORD | records.BLOCK_QUICK
        mixed = self.addr >> 3 ^ (head & 0xffffffff) << 20 ^ self.secret
        return head >> 32 == mixed * 0x9e3779b97f4a7c15 % WORD >> 32

    @property
    def size_before(self):
        """What the block before it ends with, if that is free: its size."""
        return read_uint(self.addr - HEAD, 8)

    @property
    def payload(self):
        return self.addr + HEAD


class Span:
    """A run of pages full of blocks."""

    def __init__(self, target, addr):
        layout = target.layout
        if not target.holds_record(addr, 32):
            raise Damaged(f"{addr:#x} is no span: it is not among libkmem's records")
        self.target = target
        self.addr = addr
        self.heap = read_uint(addr + layout.span_heap, 8)
        self.base = read_uint(addr + layout.span_base, 8)
        self.nbytes = read_uint(addr + layout.span_nbytes, 8)
        self.live = read_uint(addr + layout.span_live, 4)
        if not SIZE_MIN < self.nbytes <= SPAN_MOST:
            raise Damaged(f"the span at {addr:#x} has {self.nbytes} bytes")

    def blocks(self):
        """Its blocks in order, the end's head as the last: as far as heads are sound."""
        secret = read_uint(self.target.root.block_secret, 8)
        at, before = HEAD, "none"
        while True:
            block = Block(self.base + at, read_uint(self.base + at, HEAD), secret)
            if not block.is_sound:
                raise Damaged(f"the head of the block at {block.payload:#x} was overwritten; before it is {before}")
            yield block
            if block.is_end:
                return
            at += block.size
            before = f"the block of {block.size - HEAD} bytes at {block.payload:#x}, " + \
                ("in use, or in a sheaf" if block.is_live else "free")
            if block.size < SIZE_MIN or at > self.nbytes - HEAD:
                raise Damaged(f"the block at {block.payload:#x} of {block.size - HEAD} bytes leads out of its span")

    def block_with(self, addr):
        """The block that an address is in, or None."""
        for block in self.blocks():
            if block.addr <= addr < block.addr + (block.size or HEAD):
                return block
        return None


class Heap:
    """A heap's record, and its spans."""

    def __init__(self, target, addr):
        self.target = target
        self.addr = addr
        self.record = read_record(records.Heap, addr)
        self.name = text(self.record.name)
        self.is_locked = bool(read_uint(addr + target.layout.heap_lock, 4))

    def spans(self):
        """Those of pages: no page map leads to memory that the program gave."""
        if self.record.given:
            return
        first = read_uint(self.addr + self.target.layout.heap_spans, 8)
        for addr in walk(first, lambda addr: read_uint(addr + self.target.layout.span_next, 8),
                         f"spans of heap '{self.name}'"):
            yield Span(self.target, addr)


def read_heaps(target):
    return [Heap(target, addr) for addr in walk(target.root.heaps, lambda addr: read_uint(addr, 8), "heaps")]


def table(heaps, name=""):
    """What kmem heap prints: the heaps, or the spans of the one that is named."""
    if not name:
        yield f"{'SPANS':>6} {'SIZE':>9} {'BLOCKS':>7} {'IN USE':>11} {'FREE':>11} {'LARGEST':>9} {'HEAP'}"
        for heap in heaps:
            yield _heap_row(heap)
        return
    heap = next((heap for heap in heaps if heap.name == name), None)
    if not heap:
        raise Damaged(f"there is no heap '{name}'")
    yield f"{'SPAN':>18} {'SIZE':>9} {'BLOCKS':>7} {'IN USE':>11} {'FREE':>11} {'LARGEST':>9}"
    for span in heap.spans():
        blocks, used, free, largest = _sums(span)
        yield f"{span.base:#18x} {span.nbytes // 1024:8}K {blocks:7} {used:11} {free:11} {largest:9}"


def _heap_row(heap):
    if heap.record.given:
        free = heap.record.given - 2 * HEAD - heap.record.live_bytes
        return _row(heap, heap.record.live_blocks, heap.record.live_bytes, free, "?")
    sums = [_sums(span) for span in heap.spans()]
    blocks, used, free = (sum(column) for column in list(zip(*sums))[:3]) if sums else (0, 0, 0)
    largest = max((row[3] for row in sums), default=0)
    return _row(heap, blocks, used, free, largest)


def _row(heap, blocks, used, free, largest):
    record = heap.record
    return f"{record.nspans:6} {record.span_bytes // 1024:8}K {blocks:7} {used:11} {free:11} {largest:>9} {heap.name}"


def _sums(span):
    """Live blocks, their bytes, free bytes, the largest free block."""
    blocks = list(span.blocks())[:-1]
    live = [block.size for block in blocks if block.is_live]
    free = [block.size for block in blocks if not block.is_live]
    return len(live), sum(live), sum(free), max(free, default=0)
