# SPDX-License-Identifier: MIT
"""Slabs: which object is where."""
from .caches import holds
from .target import Damaged, read, read_uint

IN_USE, PARKED, HELD, FREE, FRESH = "#", "o", "x", ".", " "
MEANING = {
    IN_USE: "in use",
    PARKED: "free, in a sheaf",
    HELD: "free, in quarantine or set aside",
    FREE: "free",
    FRESH: "never handed out",
}


class Slab:
    """A slab's record as it was read, checked as far as using it needs."""

    def __init__(self, caches, addr):
        target = caches.target
        layout = target.layout
        if addr % layout.slab_size or not target.holds_record(addr, layout.slab_size):
            raise Damaged(f"{addr:#x} is no slab: it is not among libkmem's records")
        record = read(addr, layout.slab_size)

        def uint(offset, nbytes=8):
            return int.from_bytes(record[offset:offset + nbytes], "little")

        self.addr = addr
        self.cache = caches.by_addr.get(uint(layout.slab_cache))
        if not self.cache:
            raise Damaged(f"the slab at {addr:#x} is of no cache: {uint(layout.slab_cache):#x}")
        state = uint(layout.slab_state)
        self.is_owned = bool(state & 1)
        self.count = state >> 32 if not state >> 63 else (state >> 32) - (1 << 32)
        self.base = uint(layout.slab_base)
        self.pages = self.base - self.cache.left
        self.home = uint(layout.slab_free, 8 * layout.slab_words)
        self.fresh = uint(layout.slab_fresh, 4)
        self.next = uint(layout.slab_next)
        self.list = uint(layout.slab_list, 4)
        self.held = read_uint(addr + layout.slab_marks, 8 * layout.slab_words) if self.cache.is_marked else 0

    @property
    def nobjects(self):
        return self.cache.record.slab_objects

    @property
    def nhome(self):
        return bin(self.home).count("1")

    @property
    def out(self):
        """A bit for each object that is not at home."""
        return ~self.home & (1 << self.nobjects) - 1

    def __str__(self):
        return f"slab {self.addr:#x} of cache '{self.cache.name}'"

    def object_at(self, index):
        return self.base + index * self.cache.record.stride

    def index_of(self, addr):
        """The object that the address is in, with its red zones."""
        return (addr - self.pages) // self.cache.record.stride

    def begins_object(self, addr):
        index, rest = divmod(addr - self.base, self.cache.record.stride)
        return not rest and 0 <= index < self.nobjects

    def is_home(self, index):
        return bool(self.home >> index & 1)

    def state_of(self, index, parked):
        """One of MEANING; parked: the objects in the cache's sheaves."""
        if self.is_home(index):
            return FREE if index < self.fresh else FRESH
        if self.object_at(index) in parked:
            return PARKED
        return HELD if self.held >> index & 1 else IN_USE


def slab_of(caches, addr):
    """The slab with an address, or whose record it is in."""
    target = caches.target
    page_id = target.page_id(addr)
    if page_id > 1 and not target.is_bin(page_id):
        return Slab(caches, target.page(addr).owner)
    record = addr & -target.layout.slab_size
    if target.holds_record(record, target.layout.slab_size):
        return Slab(caches, record)
    raise Damaged(f"{addr:#x} is in no slab, and is no slab's record")


def picture(slab):
    """What kmem slab prints."""
    cache = slab.cache
    held_by = list(holds(cache))
    parked = {addr for hold in held_by for addr in hold.objects}
    owners = [hold.place for hold in held_by if hold.slab == slab.addr]
    states = "".join(slab.state_of(n, parked) for n in range(slab.nobjects))
    yield str(slab)
    yield f"  pages    {slab.pages:#x}, {cache.slab_bytes // 1024} KiB"
    yield f"  objects  {slab.nobjects} of {cache.record.stride} bytes, the first at {slab.base:#x}"
    if slab.is_owned:
        yield f"  owner    {', '.join(owners) or 'whoever works on it'}"
    else:
        yield f"  owner    none, in list {slab.list} of {cache.target.layout.nlists}"
    yield f"  free     {slab.count} by its count, {slab.nhome} by its bitmap"
    yield ""
    for n in range(0, slab.nobjects, 64):
        yield f"  {slab.object_at(n):#x} |{states[n:n + 64]}|"
    yield ""
    for sign, meaning in MEANING.items():
        if sign in states:
            yield f"  {sign} {states.count(sign):3} {meaning}"
