#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""system_calls.py THEIRS OURS LIMIT: compare two strace -f logs of one program.

A library's loading is left out of the count: what names its file, the look at a folder where it
was not found, what uses the descriptor until it is closed, and mprotect on what it was mapped to."""
import re
import sys
from collections import Counter

CALL = re.compile(r"^\d+\s+(\w+)\((.*)\)\s+=\s+(-?\w+)")


def calls(path):
    """The names of the program's system calls without those that load libkmem."""
    names, descriptor, ranges, missed = [], None, [], False
    for line in open(path):
        match = CALL.match(line)
        if not match:
            continue
        name, arguments, result = match.groups()
        first = arguments.split(",")[0]
        was_missed, missed = missed, False
        if name == "openat" and "libkmem" in arguments:
            missed = int(result) < 0
            descriptor = None if missed else result
        elif name in ("newfstatat", "stat") and was_missed:
            pass
        elif descriptor is not None:
            if name == "mmap":
                start = int(result, 16)
                length = int(arguments.split(",")[1])
                ranges.append((start, start + length))
            if name == "close" and first == descriptor:
                descriptor = None
        elif name == "mprotect" and any(a <= int(first, 16) < b for a, b in ranges):
            pass
        else:
            names.append(name)
    return Counter(names)


def main():
    theirs, ours = calls(sys.argv[1]), calls(sys.argv[2])
    limit = int(sys.argv[3])
    more = ours - theirs
    extra = sum(ours.values()) - sum(theirs.values())
    print(f"{sum(theirs.values())} system calls with the C library's malloc, "
          f"{sum(ours.values())} with libkmem's: {extra} more, at most {limit} allowed")
    print("more of:", ", ".join(f"{name} {count}" for name, count in more.items()) or "none")
    return extra > limit


sys.exit(main())
