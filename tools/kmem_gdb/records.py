# SPDX-License-Identifier: MIT
"""The published records as ctypes structures, made from their one source, kmem/inspect.h."""
import ctypes
import re
from pathlib import Path

_TYPES = {
    "char": ctypes.c_char,
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
}


def _constants(text):
    """What #define and enum say, by name."""
    found = {
        name: int(value, 0)
        for name, value in re.findall(r"#define\s+(KMEM_\w+)\s+(0x[0-9a-f]+|\d+)u?\s", text)
    }
    for body in re.findall(r"^enum \{(.*?)\};", text, re.M | re.S):
        found.update((name, n) for n, name in enumerate(re.findall(r"\w+", body)))
    return found


def _structures(text):
    """The structures, by name."""
    found = {}
    for name, body in re.findall(r"^struct (\w+) \{(.*?)^\};", text, re.M | re.S):
        fields = []
        for kind, field, length in re.findall(r"(?:struct )?(\w+) (\w+)(?:\[(\d+)\])?;", body):
            of = _TYPES.get(kind) or found[kind]
            fields.append((field, of * int(length) if length else of))
        found[name] = type(name, (ctypes.LittleEndianStructure,), {"_fields_": fields})
    return found


_text = re.sub(r"/\*.*?\*/", "", Path(__file__).with_name("inspect.h").read_text("utf-8"), flags=re.S)
_constant = _constants(_text)
_structure = _structures(_text)

MAGIC = b"libkmem"
NOTE_TYPE = _constant["KMEM_NOTE_TYPE"]
VERSION = _constant["KMEM_ROOT_VERSION"]
PAGE_KINDS = {name[len("KMEM_PAGE_"):]: n for name, n in _constant.items() if name.startswith("KMEM_PAGE_")}
GUARD_LIVE = _constant["KMEM_GUARD_LIVE"]
BLOCK_FREE = _constant["KMEM_BLOCK_FREE"]
BLOCK_PREV_FREE = _constant["KMEM_BLOCK_PREV_FREE"]
BLOCK_END = _constant["KMEM_BLOCK_END"]
BLOCK_QUICK = _constant["KMEM_BLOCK_QUICK"]

Root = _structure["kmem_root"]
Cache = _structure["kmem_root_cache"]
Thread = _structure["kmem_root_thread"]
Slot = _structure["kmem_root_slot"]
Shelf = _structure["kmem_root_shelf"]
Zone = _structure["kmem_root_zone"]
Heap = _structure["kmem_root_heap"]
Page = _structure["kmem_root_page"]
Chunk = _structure["kmem_root_chunk"]
Pool = _structure["kmem_root_pool"]
Track = _structure["kmem_root_track"]
Stack = _structure["kmem_root_stack"]
