# SPDX-License-Identifier: MIT
"""The allocators that are compared: where their libraries are, and what to install for them."""
from dataclasses import dataclass
from pathlib import Path

DIRECTORIES = [Path(d) for d in
               ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
                "/lib64", "/usr/lib", "/usr/local/lib")]
# glibc is preloaded too: a program that is linked with another malloc (Debian's redis with
# jemalloc's) would be measured with that one.
PEERS = [("glibc", "libc.so.6", "libc6"),
         ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
         ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
         ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
         ("tbb", "libtbbmalloc_proxy.so.2", "libtbbmalloc2")]
OURS = "libkmem"


@dataclass(frozen=True)
class Allocator:
    """A library that defines malloc; ours is one of libkmem's builds."""
    name: str
    library: Path

    @property
    def ours(self) -> bool:
        return "libkmem-malloc" in self.library.name

    def serves(self, path: str) -> bool:
        """Whether path, the file a malloc was found in, is this library."""
        return Path(path).resolve() == self.library.resolve()


def _absent(word: str) -> str:
    """What to say of a path at which there is no library: the package, if it is a known one's."""
    for _, soname, package in PEERS:
        if Path(word).name.split(".so")[0] == soname.split(".so")[0]:
            return f"{word} is skipped, it is missing: apt-get install {package}"
    return f"{word} is skipped, it is missing"


def _by_path(word: str) -> Allocator:
    path = Path(word)
    return Allocator(path.resolve().name.split(".so")[0] + "@" + path.resolve().parent.name, path.resolve())


def choose(words: list[str], build: Path) -> tuple[list[Allocator], list[str]]:
    """The allocators of these names or paths (none: all), libkmem first; notes on the missing."""
    override = build / "lib/libkmem-malloc.so"
    if not override.is_file():
        raise SystemExit(f"{override} is missing: build libkmem first, or name its directory with --build")
    known = {OURS: Allocator(OURS, override)}
    missing = {}
    for name, soname, package in PEERS:
        found = [d / soname for d in DIRECTORIES if (d / soname).is_file()]
        if found:
            known[name] = Allocator(name, found[0])
        else:
            missing[name] = package
    wanted = words or [OURS] + [name for name, _, _ in PEERS]
    chosen, notes = [known[OURS]], []
    for word in wanted:
        if word in missing:
            notes.append(f"{word} is skipped, its library is missing: apt-get install {missing[word]}")
        elif word in known:
            chosen += [known[word]] if word != OURS else []
        elif Path(word).is_file():
            chosen.append(_by_path(word))
        elif "/" in word:
            notes.append(_absent(word))
        else:
            raise SystemExit(f"{word} is no allocator's name (nor a library's path); there are: {', '.join(known)}")
    return chosen, notes
