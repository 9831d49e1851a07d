# SPDX-License-Identifier: MIT
"""The process or core that gdb has, read through libkmem's published root.

What is read is a stranger's: sizes are bounded here, walks end, and what cannot be raises
Damaged, whose text is one line for the user.
"""
import ctypes
import re
import struct

import gdb

from . import records

PAGE_BYTES = 4096
READ_MOST = 64 << 20
RECORD_MOST = 64 << 10
LIST_MOST = 1 << 20
WORD = 1 << 64
LEAF_SHIFT = 30


class Damaged(Exception):
    """What was read cannot be right."""


def read(addr, nbytes):
    if nbytes > READ_MOST:
        raise Damaged(f"{nbytes} bytes at {addr:#x} are more than can be true")
    try:
        return bytes(gdb.selected_inferior().read_memory(addr % WORD, nbytes)) if nbytes else b""
    except gdb.error:
        raise Damaged(f"{nbytes} bytes at {addr:#x} cannot be read") from None


def read_record(kind, addr):
    return kind.from_buffer_copy(read(addr, ctypes.sizeof(kind)))


def read_uint(addr, nbytes):
    return int.from_bytes(read(addr, nbytes), "little")


def read_words(addr, n):
    return struct.unpack(f"<{n}Q", read(addr, 8 * n))


def walk(first, next_of, what, most=LIST_MOST):
    """The addresses of a linked list, which may be damaged."""
    seen = set()
    while first:
        if first in seen or len(seen) >= most:
            raise Damaged(f"the list of {what} does not end: {first:#x}")
        seen.add(first)
        yield first
        first = next_of(first)


def text(name):
    """A name that a stranger wrote, fit for a terminal."""
    return "".join(chr(c) if 0x20 <= c < 0x7f else "?" for c in name) or "?"


def root_addresses():
    """Where the notes of the loaded files lead to."""
    for addr in re.findall(r"(0x[0-9a-f]+) - \S+ is \.note\.libkmem\b", gdb.execute("info files", to_string=True)):
        note = read(int(addr, 16), 28)
        sizes_and_type, owner, distance = note[:12], note[12:20], note[20:]
        if struct.unpack("<3I", sizes_and_type) == (8, 8, records.NOTE_TYPE) and owner == records.MAGIC + b"\0":
            yield int(addr, 16) + 20 + int.from_bytes(distance, "little", signed=True)
    try:
        yield int(gdb.parse_and_eval("(unsigned long) &root_record"))
    except gdb.error:
        pass


def _check_root(root):
    sizes = {
        "size": records.Root, "cache_size": records.Cache, "thread_size": records.Thread,
        "slot_size": records.Slot, "shelf_size": records.Shelf, "zone_size": records.Zone,
        "heap_size": records.Heap,
    }
    if root.version != records.VERSION:
        raise Damaged(f"libkmem publishes version {root.version}, these commands read {records.VERSION}")
    if any(not ctypes.sizeof(kind) <= getattr(root, size) < RECORD_MOST for size, kind in sizes.items()) or \
            root.layout_size < ctypes.sizeof(root.layout):
        raise Damaged(f"libkmem {text(root.release)} publishes records of other sizes: it needs its own commands")
    layout = root.layout
    if not 0 < root.ncaches <= root.max_caches <= 65536 or not 2 <= layout.nlists <= 64 or \
            not 1 <= layout.slab_words <= 64 or layout.nchunks > 64 or layout.nbarns > 64 or \
            not 64 <= layout.slab_size <= PAGE_BYTES or layout.slab_size & layout.slab_size - 1:
        raise Damaged(f"the root of libkmem {text(root.release)} makes no sense")


def find_root():
    """The root that has been put to use, or else any; Damaged if there is none to read."""
    found = None
    wrong = "no libkmem in this program, or it is not loaded yet"
    for addr in root_addresses():
        try:
            root = read_record(records.Root, addr)
            if root.magic != records.MAGIC:
                continue
            _check_root(root)
        except Damaged as damaged:
            wrong = damaged
            continue
        if root.zones or not found:
            found = root
    if not found:
        raise Damaged(wrong)
    return found


def _place(addr):
    """Of a page in the leaf for its GiB."""
    return addr % (1 << LEAF_SHIFT) // PAGE_BYTES


class Target:
    """The root, and the page map: from an address to its page."""

    def __init__(self):
        self.root = find_root()
        self.layout = self.root.layout
        if not self.root.zones:
            raise Damaged(f"libkmem {text(self.root.release)} is not initialised: it has no zones yet")
        self._leaves = {}
        self._module = gdb.solib_name(self.root.caches)
        self._chunks = [
            read_record(records.Chunk, self.root.chunks + n * self.layout.chunk_size)
            for n in range(self.layout.nchunks)
        ]

    def holds_record(self, addr, nbytes):
        """Do libkmem's own records, not the program's memory, have these bytes?"""
        return any(c.base <= addr and addr + nbytes <= c.base + c.used for c in self._chunks)

    def record_at(self, index):
        """The address of the record that 32 bits name."""
        chunk = self._chunks[index >> 27] if index >> 27 < len(self._chunks) else None
        addr = chunk.base + ((index & (1 << 27) - 1) << 4) if chunk else 0
        if not index or not self.holds_record(addr, 16):
            raise Damaged(f"{index:#x} names no record")
        return addr

    def has_code(self, pc):
        """Is it in the file that libkmem is in?"""
        return gdb.solib_name(pc) == self._module

    def leaf(self, addr):
        """The address of the part of the page map for the GiB of an address, or None."""
        entry = addr >> LEAF_SHIFT
        if entry >= self.root.map_entries:
            return None
        if entry not in self._leaves:
            distance = read_uint(self.root.map_leaves + 8 * entry, 8)
            self._leaves[entry] = (self.root.map + distance) % WORD if distance else None
        return self._leaves[entry]

    def page_id(self, addr):
        """0: not libkmem's, free, or inside of a run; 1: pages; else the id of a cache or bin."""
        leaf = self.leaf(addr)
        return read_uint(leaf + 2 * _place(addr), 2) if leaf else 0

    def page(self, addr):
        """The descriptor of a page that has an id."""
        leaf = self.leaf(addr)
        if not leaf:
            raise Damaged(f"the page map does not know {addr:#x}")
        size = ctypes.sizeof(records.Page)
        return read_record(records.Page, leaf + self.layout.leaf_pages + size * _place(addr))

    def threads(self):
        for addr in walk(self.root.threads, lambda addr: read_record(records.Thread, addr).next, "threads"):
            yield read_record(records.Thread, addr)

    def is_bin(self, page_id):
        """Does the id stand for blocks of heaps and runs, not for objects?"""
        return 0 <= page_id - self.layout.first_bin < self.layout.nbins
