# SPDX-License-Identifier: MIT
"""The commands."""
import gdb

from . import heaps, printers, slabs, whatis
from .caches import Caches, table
from .target import Damaged, Target
from .validate import validate


class Kmem(gdb.Command):
    """Look into libkmem's caches and heaps, in a process or a core."""

    def __init__(self):
        super().__init__("kmem", gdb.COMMAND_DATA, prefix=True)


class Command(gdb.Command):
    """A command that prints lines. No damage in the target becomes a traceback."""

    name = ""
    completes = gdb.COMPLETE_NONE

    def __init__(self):
        super().__init__("kmem " + self.name, gdb.COMMAND_DATA, self.completes)

    def invoke(self, argument, from_tty):
        try:
            for line in self.lines(argument.strip()):
                print(line)
        except Damaged as damaged:
            raise gdb.GdbError(f"kmem {self.name}: {damaged}") from None

    def lines(self, argument):
        raise NotImplementedError


def _address(argument):
    if not argument:
        raise gdb.GdbError("Which address?")
    try:
        return int(gdb.parse_and_eval(f"(unsigned long) ({argument})"))
    except gdb.error as error:
        raise gdb.GdbError(str(error)) from None


class ShowCaches(Command):
    """Show all caches in a table, as kmemtop -o does.
Usage: kmem caches"""

    name = "caches"

    def lines(self, argument):
        caches = Caches(Target())
        yield from table(caches.values())
        yield from (f"left out: {line}" for line in caches.wrong)


class ShowSlab(Command):
    """Show which objects of a slab are in use, in sheaves, or free.
Usage: kmem slab ADDRESS
ADDRESS is one on the slab's pages, or of its record."""

    name = "slab"
    completes = gdb.COMPLETE_EXPRESSION

    def lines(self, argument):
        yield from slabs.picture(slabs.slab_of(Caches(Target()), _address(argument)))


class ShowHeap(Command):
    """Show the heaps that malloc's larger blocks come from.
Usage: kmem heap [NAME]
With NAME its spans."""

    name = "heap"

    def lines(self, argument):
        yield from heaps.table(heaps.read_heaps(Target()), argument)


class WhatIs(Command):
    """Say what an address is of: which cache or heap, which object, free or in use.
Usage: kmem whatis ADDRESS"""

    name = "whatis"
    completes = gdb.COMPLETE_EXPRESSION

    def lines(self, argument):
        yield from whatis.whatis(Caches(Target()), _address(argument))


class Validate(Command):
    """Check libkmem's records without running code: the first broken invariant, or that all hold.
Usage: kmem validate
An error means that one is broken. Lines without an error are of what no moment in which threads
were stopped can rule out."""

    name = "validate"

    def lines(self, argument):
        yield from validate(Target())


def register():
    for command in (Kmem, ShowCaches, ShowSlab, ShowHeap, WhatIs, Validate):
        command()
    printers.register()
