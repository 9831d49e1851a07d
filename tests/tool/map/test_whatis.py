#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kmemtop --whatis on an address of each kind: test_whatis.py KMEMTOP MAP_TARGET"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from common import Target, check, finish, has, kmemtop


def whatis(target, name):
    return kmemtop("--whatis", hex(target.at[name]), "-p", target.pid)


def first(target, name, expected):
    """The first line says so, behind the address."""
    text = whatis(target, name)
    check(f"{name}: the address", text.split(":")[0], hex(target.at[name]))
    check(name, re.sub(r"object \d+ of", "object N of", text.splitlines()[0].split(": ", 1)[1]), expected)
    return text


def state(name, text, expected):
    found = re.search(r"^  state +(.*)$", text, re.M)
    check(f"{name}: state", found and found[1], expected)


def objects(t):
    text = first(t, "object", "0 bytes into object N of a slab of cache 'session'")
    state("object", text, "in use")
    has("object: its size", text, f"{hex(t.at['object'])}, 100 bytes")
    text = first(t, "inside", "33 bytes into object N of a slab of cache 'session'")
    has("inside: the object's address", text, hex(t.at["inside"] - 33) + ", 100 bytes")
    state("inside", text, "in use")
    text = first(t, "parked", "0 bytes into object N of a slab of cache 'session'")
    state("parked", text, f"free, in the sheaf of thread {t.at['main']}")
    objects, *parts = map(int, re.search(
        r"slab .*: (\d+) objects, (\d+) in use, (\d+) in sheaves, (\d+) free$", text, re.M).groups())
    check("parked: all of its slab", (objects, sum(parts)), (315, 315))
    check("parked: it counts", parts[1] > 0)
    text = first(t, "parked_elsewhere", "0 bytes into object N of a slab of cache 'elsewhere'")
    state("parked_elsewhere", text, f"free, in the sheaf of thread {t.at['tid']}")
    text = first(t, "fresh", "0 bytes into object N of a slab of cache 'elsewhere'")
    state("fresh", text, "free, in its slab, never handed out")


def tracks(t):
    text = first(t, "tracked", "0 bytes into object N of a slab of cache 'tracked'")
    state("tracked", text, "in use")
    has("tracked: asked for", text, "asked for  40 bytes")
    has("tracked: by whom", text, f"allocated  by thread {t.at['main']} on CPU ")
    check("tracked: not freed", "freed" in text, False)
    check("tracked: module and offset", bool(re.search(r"^    map_target\+0x[0-9a-f]+", text, re.M)))
    if os.path.exists(os.path.join(os.path.dirname(sys.argv[1]), "kmem-symbols")):
        has("tracked: function and line", text, " tracked_alloc target.c:")
        has("tracked_freed: function", whatis(t, "tracked_freed"), " tracked_free target.c:")
    else:
        print("ok - tracked: functions # SKIP kmem-symbols is not built")
    text = whatis(t, "tracked_freed")
    check("tracked_freed: free", "  state      free" in text)
    has("tracked_freed: by whom", text, f"freed      by thread {t.at['main']} on CPU ")
    first(t, "red_zone", "1 bytes before object N of a slab of cache 'tracked'")
    text = kmemtop("--whatis", hex(t.at["tracked"]), "-p", t.pid, KMEM_SYMBOLS="")
    check("tracked: without symbols", re.search(r"^    (.*)$", text, re.M)[1].split("+")[0], "map_target")
    check("tracked: without symbols no function", "tracked_alloc" in text, False)


def blocks(t):
    for name, offset in (("block", 0), ("block_inside", 30000)):
        text = whatis(t, name)
        check(name, bool(re.match(rf"0x[0-9a-f]+: {offset} bytes into a block of heap 'malloc-heap-\d+'\n", text)))
        state(name, text, "in use")
        has(f"{name}: the block", text, hex(t.at["block"]))
    has("block_head", whatis(t, "block_head"), "in the head of a block of heap")
    state("block_parked", whatis(t, "block_parked"), f"free, in the sheaf of thread {t.at['main']}")
    state("block_free", whatis(t, "block_free"), "free")
    text = first(t, "private", "0 bytes into a block of heap 'pool'")
    state("private", text, "in use")
    text = first(t, "large", "5000 bytes into a run of 80 pages from malloc")
    state("large", text, "in use")
    first(t, "mapped", "52428800 bytes into a mapping of 25600 pages from malloc")
    first(t, "pages", "4097 bytes into a run of 4 pages from kmem_pages_alloc")
    state("free_page", whatis(t, "free_page"), "free, not yet given back to the system")


def strangers(t):
    first(t, "nothing", "not libkmem's: nothing is mapped there")
    first(t, "stack", "not libkmem's: [stack]")
    text = whatis(t, "foreign")
    has("foreign: module", text, "not libkmem's: map_target+0x")
    has("foreign: mapping", text, " rw-p ")
    has("code: mapping", whatis(t, "code"), " r-xp ")
    found = re.search(r"record +(0x[0-9a-f]+)", kmemtop("--whatis", hex(t.at["object"]), "-p", t.pid))
    text = kmemtop("--whatis", found[1], "-p", t.pid)
    has("record", text, "in libkmem's record of a slab of cache 'session'")


def guarded():
    with Target("guarded", KMEM_OPTIONS="kfence_sample_interval:1") as t:
        text = whatis(t, "guarded")
        check("guarded", bool(re.search(r": 0 bytes into guarded object \d+ of cache 'guarded'\n", text)))
        has("guarded: its size", text, f"object     {hex(t.at['guarded'])}, 48 bytes\n")
        state("guarded", text, "in use")
        has("guarded: by whom", text, f"allocated  by thread {t.at['main']} on CPU ")
        check("guarded: not freed", "  freed " in text, False)
        # At its page's right edge the next page is behind it, and no object's.
        behind = t.at["guarded"] + 50
        text = kmemtop("--whatis", hex(behind), "-p", t.pid)
        on_page = behind >> 12 == t.at["guarded"] >> 12
        has("guarded: behind it", text, "48 bytes: the address is behind them" if on_page else "beside them")
        text = whatis(t, "guarded_freed")
        check("guarded_freed: state", "  state      free" in text)
        has("guarded_freed: its cache", text, "of cache 'guarded'")
        text = kmemtop("--whatis", hex((t.at["guarded"] & ~4095) + 4096), "-p", t.pid)
        has("guarded: between two", text, "in the pool of guarded objects, beside them")
        has("guarded: the pool", text, "  pool       0x")


def counted():
    """Where each operation is counted sheaves are held in another way."""
    with Target(KMEM_OPTIONS="stats:true") as t:
        for name in ("object", "inside"):
            state(f"counted: {name}", whatis(t, name), "in use")
        state("counted: parked", whatis(t, "parked"), f"free, in the sheaf of thread {t.at['main']}")
        state("counted: parked_elsewhere", whatis(t, "parked_elsewhere"), f"free, in the sheaf of thread {t.at['tid']}")


def core(t):
    """A core says the same as the process it is of."""
    if not shutil.which("gcore"):
        print("ok - core # SKIP no gcore")
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["gcore", "-o", folder + "/core", t.pid], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        path = f"{folder}/core.{t.pid}"
        for name in ("object", "parked", "parked_elsewhere", "fresh", "tracked", "tracked_freed", "block",
                     "large", "mapped", "pages", "nothing"):
            check(f"core: {name}", kmemtop("--whatis", hex(t.at[name]), "-c", path), whatis(t, name))
        check("core: the map", kmemtop("--map", "-c", path), kmemtop("--map", "-p", t.pid))


def debugged():
    with Target(KMEM_DEBUG="FZ,malloc-large") as t:
        for name, kind in (("large", "run"), ("mapped", "mapping")):
            text = whatis(t, name)
            check(f"debugged: {name}", bool(re.search(rf"bytes into a {kind} of \d+ pages from malloc$", text, re.M)))
            state(f"debugged: {name}", text, "in use, or in quarantine: it is debugged")


def usage(t):
    for text in ("12x", "", "-1", "0x", "99999999999999999999999"):
        said = kmemtop("--whatis", text, "-p", t.pid, ok=2)
        has(f"usage: '{text}'", said, "the address of --whatis is a number")
    decimal = kmemtop("--whatis", str(t.at["object"]), "-p", t.pid)
    check("decimal is the same", decimal, whatis(t, "object"))


with Target() as target:
    objects(target)
    tracks(target)
    blocks(target)
    strangers(target)
    usage(target)
    core(target)
guarded()
counted()
debugged()
finish()
