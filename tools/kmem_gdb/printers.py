# SPDX-License-Identifier: MIT
"""Pretty-printers for the library's own structures; they need its debug information."""
import gdb
import gdb.printing

from .caches import Caches
from .heaps import Block
from .slabs import Slab
from .target import Damaged, Target, read_uint, text


class Printer:
    """A summary in one line, then some of the fields."""

    fields = ()

    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            return self.summary()
        except (Damaged, gdb.error) as error:
            return f"damaged: {error}"

    def summary(self):
        raise NotImplementedError

    def children(self):
        for name in self.fields:
            value = self.value
            for part in name.split("."):
                value = value[part]
            yield name, value


class CachePrinter(Printer):
    fields = ("pub.flags", "pub.align", "pub.taken", "pub.given", "ctor", "dtor", "limit", "used", "barns")

    def summary(self):
        pub = self.value["pub"]
        name = text(pub["name"].string("latin-1", length=64).split("\0")[0].encode("latin-1"))
        return f"cache '{name}', id {int(pub['id'])}, {int(pub['nslabs'])} slabs of " \
               f"{int(pub['slab_objects'])} objects of {int(pub['stride'])} bytes"


class SlabPrinter(Printer):
    fields = ("cache", "next", "prev", "bucket", "stamp", "seen", "purged", "absent")

    def summary(self):
        slab = Slab(Caches(Target()), int(self.value.address))
        owned = "owned" if slab.is_owned else f"on list {slab.list}"
        return f"{slab}: {slab.count} of {slab.nobjects} free, {slab.fresh} ever handed out, " \
               f"objects at {slab.base:#x}, {owned}"


class SheafPrinter(Printer):
    """How full it is only the slot knows in which it is loaded."""

    def summary(self):
        head = read_uint(int(self.value.address), 8)
        return f"sheaf of {(2 << (head & 7)) - 1} objects"


class BlockPrinter(Printer):
    def summary(self):
        addr = int(self.value.address)
        secret = read_uint(Target().root.block_secret, 8)
        block = Block(addr, read_uint(addr, 8), secret)
        if not block.is_sound:
            return f"block, its head was overwritten: {block.head:#018x}"
        if block.is_end:
            return "the end of a span"
        state = "live" if block.is_live else "free"
        return f"block of {block.size} bytes with its head, {state}, " \
               f"the block before it {'free' if block.is_prev_free else 'live'}"

    def children(self):
        if read_uint(int(self.value.address), 4) & 1:
            yield from ((name, self.value[name]) for name in ("next", "prev"))


# Programs may have structures of the same names: a field tells them apart.
_PRINTERS = {
    "kmem_cache": ("pub", CachePrinter),
    "slab": ("fresh", SlabPrinter),
    "sheaf": ("object", SheafPrinter),
    "block": ("stamp", BlockPrinter),
}


def find(value):
    kind = value.type.strip_typedefs().unqualified()
    field, printer = _PRINTERS.get(kind.tag, (None, None))
    if printer and value.address is not None and any(f.name == field for f in kind.fields()):
        return printer(value)
    return None


def register():
    find.name = "libkmem"
    find.enabled = True
    gdb.printing.register_pretty_printer(None, find, replace=True)
