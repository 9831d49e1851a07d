# SPDX-License-Identifier: MIT
"""The list of what is run: benchmarks and their variants."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variant:
    """One row: a program with arguments. ours: arguments for libkmem instead; only_ours: no peers;
    options: libkmem's settings;
    once: one round whatever -n says; quick: part of --quick.
    also: further rows from the same run, (name, field of time, field of memory), "" for none."""
    benchmark: str
    name: str
    arguments: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    only_ours: bool = False
    options: str = ""
    once: bool = False
    quick: bool = True
    also: tuple[tuple[str, str, str], ...] = field(default=())

    @property
    def label(self) -> str:
        return f"{self.benchmark} {self.name}".strip()


def _pairs() -> list[Variant]:
    rows = []
    shapes = [(16, "single"), (64, "single"), (1000, "single"), (20000, "single"),
              (65536, "single"), (262144, "single"), (1048576, "single"),
              (16, "fifo"), (64, "fifo"), (1000, "fifo"), (20000, "fifo"), (65536, "fifo"),
              (262144, "fifo"), (1048576, "fifo"), (64, "lifo"), (1000, "lifo"),
              (64, "random"), (1000, "random"), (20000, "random"), (262144, "random")]
    for size, order in shapes:
        count = {262144: 1000000, 1048576: 300000}.get(size, 0)
        if size == 65536 and order == "fifo":
            count = 1000000
        if size == 20000 and order != "single":
            count = 5000000
        if size == 1000 and order != "single":
            count = 15000000
        arguments = (f"size={size}", f"order={order}") + ((f"count={count}",) if count else ())
        rows.append(Variant("pair", f"{size} {order}", arguments,
                            quick=order == "single" or size in (64, 65536)))
    rows.append(Variant("pair", "64 2 threads", ("size=64", "order=fifo", "threads=2")))
    rows.append(Variant("pair", "64 2 processes", ("size=64", "order=fifo", "procs=2"), quick=False))
    return rows


def _objects() -> list[Variant]:
    rows = []
    for shape in ("pair", "batch"):
        for how, name in (("cache", "ctor"), ("bulk", "bulk"), ("prefilled", "prefilled")):
            rows.append(Variant("objects", f"{shape} {name}", (f"shape={shape}", "how=malloc"),
                                ours=(f"shape={shape}", f"how={how}"), only_ours=how != "cache"))
        rows.append(Variant("objects", f"{shape} malloc+init", (f"shape={shape}", "how=malloc"),
                            only_ours=True))
    return rows


def everything() -> list[Variant]:
    rows = _pairs()
    rows += [Variant("server", f"{n} threads", (f"threads={n}",), quick=n != 8) for n in (1, 2, 8)]
    for producers, consumers in ((1, 1), (2, 2), (1, 3), (3, 1)):
        rows += [Variant("pipeline", f"{producers}:{consumers} to {most}",
                         (f"producers={producers}", f"consumers={consumers}", f"max={most}"),
                         quick=producers == consumers)
                 for most in (64, 4000)]
    rows += [Variant("churn", "1 thread"), Variant("churn", "2 threads", ("threads=2",)),
             Variant("churn", "2 processes", ("procs=2",), quick=False)]
    rows += [Variant("shared-line", mode, (f"mode={mode}", "threads=2")) for mode in ("active", "passive")]
    rows += [Variant("threads", "short", ("mode=short",)),
             Variant("threads", "2", ("mode=many", "threads=2")),
             Variant("threads", "256", ("mode=many", "threads=256"))]
    rows += [Variant("large", "")]
    rows += [Variant("grow", mode, (f"mode={mode}",)) for mode in ("double", "step", "strings")]
    rows += [Variant("zero", "small", ("least=8", "most=1024")),
             Variant("zero", "medium", ("least=1024", "most=32768", "mib=8000")),
             Variant("zero", "large", ("least=65536", "most=4194304"))]
    rows += [Variant("fragment", "", also=(("final", "", "final_kib"),))]
    rows += _objects()
    rows += [Variant("structures", kind, (f"kind={kind}",), also=((f"{kind} walk", "walk_s", ""),))
             for kind in ("list", "tree", "hash")]
    rows += [Variant("heaps", f"{n} blocks", (f"blocks={n}", "how=near"), only_ours=True, quick=n < 1000000)
             for n in (1000, 100000, 10000000)]
    rows += [Variant("start", "")]
    rows += [Variant("idle", f"passing={n}", (f"passing={n}",), once=True) for n in (1, 0)]
    rows += [Variant("idle", "background_thread", ("passing=0",), only_ours=True, once=True,
                     options="background_thread:true")]
    rows += [Variant("redis", test, (test,), quick=test in ("set", "pipelined"))
             for test in ("set", "get", "lpush", "pipelined")]
    rows += [Variant(name, "") for name in ("sqlite3", "python3", "perl", "gcc", "z3", "lua")]
    return rows


REAL = {"redis": "redis-server and redis-tools", "sqlite3": "sqlite3", "python3": "python3",
        "perl": "perl", "gcc": "gcc", "z3": "z3", "lua": "lua5.4"}


def select(words: list[str], quick: bool) -> list[Variant]:
    """The variants of these benchmarks ("pair", or "pair 64 fifo"); none: all."""
    rows = [v for v in everything() if v.quick or not quick]
    for word in words:
        if not any(v.benchmark == word or v.label == word for v in rows):
            names = sorted({v.benchmark for v in rows})
            raise SystemExit(f"no benchmark is called {word}; there are: {', '.join(names)}")
    return [v for v in rows if not words or v.benchmark in words or v.label in words]
