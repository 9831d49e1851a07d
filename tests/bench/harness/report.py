# SPDX-License-Identifier: MIT
"""Results: medians as ratios to libkmem's, geometric means, tables, CSV."""
import csv
import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from .measure import Fields
from .variants import Variant


@dataclass
class Row:
    """A line of the tables: the values of each allocator, one for each round."""
    benchmark: str
    label: str
    times: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    derived: bool = False  # from the same run as another row: not in the geometric means

    def ratio(self, kind: str, name: str, base: str) -> tuple[float, float, float] | None:
        """Median, least and greatest ratio to base, or None where one of the two has no result."""
        values: dict[str, list[float]] = getattr(self, kind)
        mine, theirs = values.get(base, []), values.get(name, [])
        if not mine or not theirs or not statistics.median(mine):
            return None
        rounds = [t / m for t, m in zip(theirs, mine) if m]
        return statistics.median(theirs) / statistics.median(mine), min(rounds), max(rounds)


@dataclass
class Results:
    """Everything that was measured."""
    names: list[str]
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    insn: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return self.names[0]

    def add(self, variant: Variant, runs: dict[str, list[Fields]]) -> None:
        """Turn the runs of a variant into its row, and those that come from the same runs."""
        # idle touches a GiB once: its time is that of the system's first use of those pages.
        first = (variant.name, "" if variant.once else "time_s", "peak_kib")
        for number, (name, time, size) in enumerate([first, *variant.also]):
            row = Row(variant.benchmark, f"{variant.benchmark} {name}".strip(), derived=number > 0)
            for allocator, found in runs.items():
                if time:
                    row.times[allocator] = [float(f[time]) for f in found]
                if time and not row.derived:
                    row.cpu[allocator] = [float(f["cpu_s"]) for f in found]
                if size:
                    row.sizes[allocator] = [float(f[size]) for f in found]
            self.rows.append(row)

    def geomean(self, kind: str, name: str, benchmark: str = "") -> float:
        """Over all cases, or those of one benchmark; NaN where there are none."""
        ratios = [row.ratio(kind, name, self.base) for row in self.rows
                  if not row.derived and benchmark in ("", row.benchmark)]
        logs = [math.log(r[0]) for r in ratios if r]
        return math.exp(sum(logs) / len(logs)) if logs else math.nan

    def benchmarks(self) -> list[str]:
        return list(dict.fromkeys(row.benchmark for row in self.rows))

    def behind(self, kind: str, bound: float) -> list[tuple[float, str, str]]:
        """(ratio, row, peer) where a peer's ratio is below bound, the worst first."""
        found = []
        for row in self.rows:
            for name in self.names[1:]:
                ratio = row.ratio(kind, name, self.base)
                if ratio and ratio[0] < bound:
                    found.append((ratio[0], row.label, name))
        return sorted(found)


def _cell(ratio: tuple[float, float, float] | None, bound: float) -> str:
    if ratio is None:
        return "-"
    mark = "!" if ratio[0] < bound else " "
    return f"{mark}{ratio[0]:.2f} {ratio[1]:.2f}-{ratio[2]:.2f}"


def _own(kind: str, value: float) -> str:
    if kind == "sizes":
        return f"{value / 1024:.1f} MiB"
    return f"{value * 1000:.1f} ms"


def _table(results: Results, kind: str, title: str, bound: float, out: TextIO) -> None:
    if not any(getattr(row, kind) for row in results.rows):
        return
    widest = max([len(row.label) for row in results.rows] + [12])
    peers = results.names[1:]
    print(f"\n{title}", file=out)
    head = f"{'':{widest}} {results.base:>11}  " + "".join(f"{name:<17.16}" for name in peers)
    print(head.rstrip(), file=out)
    for row in results.rows:
        if not getattr(row, kind):
            continue
        mine = getattr(row, kind).get(results.base, [])
        own = _own(kind, statistics.median(mine)) if mine else "-"
        cells = "".join(f"{_cell(row.ratio(kind, name, results.base), bound):<17}" for name in peers)
        print(f"{row.label:{widest}} {own:>11} {cells}".rstrip(), file=out)
    means = "".join(f"{f' {results.geomean(kind, name):.2f}':<17}" for name in peers)
    if peers:
        print(f"{'geometric mean':{widest}} {'1':>11} {means}".rstrip(), file=out)


def _means(results: Results, kind: str, title: str, bound: float, out: TextIO) -> None:
    """The geometric means of each benchmark's cases."""
    peers = results.names[1:]
    print(f"\n{title}", file=out)
    print((f"{'':14}" + "".join(f"{name:<12.11}" for name in peers)).rstrip(), file=out)
    for benchmark in results.benchmarks():
        means = [results.geomean(kind, name, benchmark) for name in peers]
        if all(math.isnan(m) for m in means):
            continue
        cells = (f"{'!' if m < bound else ' '}{m:.2f}" if not math.isnan(m) else " -" for m in means)
        print((f"{benchmark:13} " + "".join(f"{c:<12}" for c in cells)).rstrip(), file=out)


def _behind(results: Results, kind: str, title: str, bound: float, out: TextIO) -> None:
    found = results.behind(kind, bound)
    print(f"\n{title}: {len(found) or 'none'}", file=out)
    for ratio, label, name in found:
        print(f"  {ratio:.2f}  {label:24} {name}", file=out)


def print_tables(results: Results, with_cpu: bool, out: TextIO) -> None:
    base = results.base
    print("\nEach cell: the peer's median as a ratio to libkmem's (above 1: libkmem is better), and the\n"
          "least and greatest ratio of a round. ! marks what is out of the goals.", file=out)
    _table(results, "times", "TIME", 0.95, out)
    _table(results, "sizes", "PEAK RESIDENT SIZE", 1 / 1.15, out)
    if with_cpu:
        _table(results, "cpu", "CPU TIME", 0.95, out)
    if len(results.names) > 1:
        _means(results, "times", "TIME BY BENCHMARK, geometric means of its cases", 0.95, out)
        _means(results, "sizes", "PEAK RESIDENT SIZE BY BENCHMARK", 1 / 1.15, out)
    if results.insn:
        print("\nINSTRUCTIONS (callgrind) per malloc and free", file=out)
        print(f"{'':24}" + "".join(f"{name:>12.11}" for name in results.names), file=out)
        for label, found in results.insn.items():
            cells = "".join(f"{found[n]:12.1f}" if n in found else f"{'-':>12}" for n in results.names)
            print(f"{label:24}{cells}", file=out)
    for line in results.details:
        print(line, file=out)
    _behind(results, "times", f"Peers more than 5% faster than {base} (ratio of time)", 0.95, out)
    _behind(results, "sizes", f"Peers with 15% less memory than {base} (ratio of size)", 1 / 1.15, out)
    for title, lines in (("FAILED RUNS", results.failures), ("NOTES", results.notes)):
        if lines:
            print("\n" + "\n  ".join([title, *lines]), file=out)


def write_csv(results: Results, path: Path) -> None:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["benchmark", "allocator", "measure", "median", "min", "max", "ratio", "ratio_min", "ratio_max"])
        for row in results.rows:
            for kind, unit in (("times", "time_s"), ("cpu", "cpu_s"), ("sizes", "peak_kib")):
                for name, values in getattr(row, kind).items():
                    ratio = row.ratio(kind, name, results.base)
                    if values:
                        out.writerow([row.label, name, unit, statistics.median(values), min(values), max(values),
                                      *([f"{r:.4f}" for r in ratio] if ratio else ["", "", ""])])
        for label, found in results.insn.items():
            for name, value in found.items():
                out.writerow([label, name, "instructions", f"{value:.1f}", "", "", "", "", ""])
