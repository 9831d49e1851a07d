# SPDX-License-Identifier: MIT
"""The command kmem in gdb: see libkmem(7).

gdb loads this file with the library beside which it lies, or by the command source. The rest
lies in libkmem/gdb below the library's directory, or below that of this file.
"""
import os
import sys

import gdb


def package_directory():
    objfile = gdb.current_objfile()
    for near in (objfile.filename if objfile else "", __file__):
        path = os.path.join(os.path.dirname(os.path.realpath(near)), "libkmem", "gdb")
        if os.path.isdir(os.path.join(path, "kmem_gdb")):
            return path
    raise gdb.GdbError("libkmem's commands: there is no libkmem/gdb beside the library")


if package_directory() not in sys.path:
    sys.path.insert(0, package_directory())

import kmem_gdb.commands  # noqa: E402, pylint: disable=wrong-import-position

kmem_gdb.commands.register()
