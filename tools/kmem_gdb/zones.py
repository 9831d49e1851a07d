# SPDX-License-Identifier: MIT
"""Zones and their pages."""
import ctypes
import struct

from . import records
from .target import PAGE_BYTES, Damaged, read, read_record, read_uint, walk

PAGES_MOST = 1 << 18
_KIND = records.PAGE_KINDS
_STATE = {
    _KIND["DIRTY"]: "dirty", _KIND["BUDDY_DIRTY"]: "dirty",
    _KIND["CLEAN"]: "clean", _KIND["BUDDY_CLEAN"]: "clean",
}


class Zone:
    """A zone's record, and the descriptors (owner, npages, bits) of its committed pages."""

    def __init__(self, target, addr):
        self.addr = addr
        self.record = record = read_record(records.Zone, addr)
        if record.committed > record.npages or record.npages > PAGES_MOST or record.base % PAGE_BYTES:
            raise Damaged(f"zone {addr:#x}: {record.committed} of {record.npages} pages at {record.base:#x}")
        descriptors = read_uint(addr + target.layout.zone_pages, 8)
        self.pages = list(struct.iter_unpack(
            "<QII", read(descriptors, record.committed * ctypes.sizeof(records.Page))))
        self.ids = self._ids(target)

    def _ids(self, target):
        leaf = target.leaf(self.record.base)
        first = self.record.base // PAGE_BYTES % PAGES_MOST
        if not leaf or first + self.record.npages > PAGES_MOST:
            raise Damaged(f"zone {self.addr:#x}: the page map does not know {self.record.base:#x}")
        n = self.record.committed
        return struct.unpack(f"<{n}H", read(leaf + 2 * first, 2 * n))

    def holds(self, addr):
        return 0 <= addr - self.record.base < self.record.npages * PAGE_BYTES

    def owned(self, kind):
        """Each slab or span on its pages: its address, and the indexes of its first page and the one past its last."""
        for first, (owner, _, bits) in enumerate(self.pages):
            # Without an id it is being made, or given back.
            if bits & 0xff != kind or not self.ids[first]:
                continue
            end = first + 1
            while end < len(self.pages) and self.pages[end][0] == owner and not self.pages[end][2] & 0xff:
                end += 1
            yield owner, first, end

    def address(self, index):
        return self.record.base + index * PAGE_BYTES

    def free_runs(self):
        """Each free run's or block's first page, number of pages, and state."""
        n = 0
        while n < len(self.pages):
            kind, npages = self.pages[n][2] & 0xff, self.pages[n][2] >> 9
            if kind not in _STATE:
                n += 1
                continue
            if not 0 < npages <= len(self.pages) - n:
                raise Damaged(f"zone {self.addr:#x}: a free run of {npages} pages at page {n} leads out of it")
            if kind in (_KIND["DIRTY"], _KIND["CLEAN"]) and \
                    self.pages[n + npages - 1][2] & ~0x100 != self.pages[n][2] & ~0x100:
                raise Damaged(f"zone {self.addr:#x}: the ends of the free run at page {n} disagree")
            yield n, npages, _STATE[kind]
            n += npages


def read_zones(target):
    return [Zone(target, addr) for addr in walk(target.root.zones, lambda addr: read_uint(addr, 8), "zones")]
