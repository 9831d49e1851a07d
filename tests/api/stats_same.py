#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stats_same.py OWN TABLE JSON...: do kmem_stats_print and mallinfo2, in OWN, say what kmemtop says?

TABLE is that of kmemtop -o; each JSON one of kmemtop --json, of the process or its core."""
import json
import os
import re
import sys

PAGE = 4096


def compare(what, one, other):
    if one != other:
        sys.exit(f"{what}: {one} by itself, {other} by kmemtop")


with open(sys.argv[1], encoding="ascii") as file:
    own, malloc = (json.loads(line) for line in file)
with open(sys.argv[2], encoding="ascii") as file:
    table = file.read()

rows = {}
for row in re.finditer(r"^ *(\d+) +(\d+) +\d+% +\S+ +(\d+) +(\d+) +(\d+)K (.*\S) *$", table, re.M):
    rows[row[6]] = [int(row[i]) for i in (1, 2, 3, 4, 5)]
caches = {cache["name"]: cache for cache in own["caches"]}
compare("caches", sorted(caches), sorted(rows))
for name, cache in caches.items():
    nbytes = cache["slabs"] * cache["slab_bytes"]
    compare(name, [cache["objects"], cache["active"], cache["slabs"], cache["slab_objects"], nbytes // 1024],
            rows[name])
active = sum(cache["active"] * cache["stride"] for cache in own["caches"])
total = sum(cache["objects"] * cache["stride"] for cache in own["caches"])
size = re.search(r"Active / Total Size \(% used\) +: ([\d.]+)K / ([\d.]+)K", table)
compare("bytes of objects", [f"{active / 1024:.2f}", f"{total / 1024:.2f}"], [size[1], size[2]])

for name, live in (("small", 0), ("middle \"quoted\"", 3 * 1000)):
    cache = caches[name]
    assert cache["taken"] - cache["given"] == cache["active"] + cache["parked"], name
    assert cache["active"] == live, name
    assert "allocs" not in cache, name
assert sum(cache["parked"] for cache in own["caches"]) > 0, "parked"
counted = caches["counted"]
assert counted["allocs"] == 6000 and counted["frees"] == 3 * 666, "counts"
assert counted["active"] == 6000 - 3 * 666 and counted["parked"] == 0, "counted"

compare("mapped bytes by mallinfo2", malloc["mapped"], own["mapped_bytes"])
compare("committed bytes by mallinfo2", malloc["arena"], sum(zone["committed_bytes"] for zone in own["zones"]))
free = sum(zone["dirty_bytes"] + zone["clean_bytes"] for zone in own["zones"])
slabs = sum(cache["slabs"] * cache["slab_bytes"] for cache in own["caches"])
spans = sum(heap["span_bytes"] for heap in own["heaps"])
runs = malloc["arena"] - free - slabs - spans
blocks = sum(heap["live_bytes"] for heap in own["heaps"])
assert runs % PAGE == 0 and runs > 0, "runs"
# What waits in the sheaves of bins is neither used nor in the JSON object.
waits = active + blocks + runs + malloc["mapped"] - malloc["used"]
assert 0 <= waits <= 3 * 5 * (57344 + 98304), f"{waits} bytes differ from mallinfo2's"

for path in sys.argv[3:]:
    with open(path, encoding="ascii") as file:
        other = json.load(file)
    for key in own:
        compare(key, own[key], other[key])
    compare("order of keys", [list(own), list(own["caches"][0])], [list(other), list(other["caches"][0])])
    print(f"{os.path.basename(path)}: the same by kmemtop --json")
print(f"{len(caches)} caches, {active} bytes of objects, {malloc['used']} bytes in use: the same")
