"""The kinds of rows: how each is measured, and what its table looks like."""

import sys
from dataclasses import dataclass
from statistics import median

from programs import Run, progress
from table import heading, line, number, ratio

RAW, CURL, RUSTLS, IFETCH = "raw", "libcurl", "rustls", "ifetch"


def over_tls(row):
    """The same for a row over TLS, where the floor is OpenSSL's, or that of rustls."""
    return [(RAW, "openssl", row), (CURL, "curl", row), (RUSTLS, "rustls", row),
            (IFETCH, "ifetch", row)]


def full_and_resumed(row):
    """Handshakes, all of them to be compared with full ones."""
    parts = over_tls(row)
    return ([(*part, "full") for part in parts]
            + [(f"{label}, resumed", *how, "resumed") for label, *how in parts])


def all_three(row):
    """Who takes part: a label, its program, and what the program calls its way to do the row."""
    return [(RAW, "raw", row), (CURL, "curl", row), (IFETCH, "ifetch", row)]


@dataclass
class Requests:
    """Requests that are answered."""
    title: str
    contestants: list    # where a fourth word is there, it is the server
    concurrency: int
    counts: tuple        # of the two runs whose difference is taken
    timed: int           # requests in each round
    size: int = None
    server: str = "ours"
    counted: int = None  # the size under the tools that count, where those would take too long

    NAMES = {RAW: "x raw", CURL: "x curl", RUSTLS: "x rustls"}

    def measure(self, programs, rounds):
        runs = {label: Run(client, row, self.concurrency, self.size, *(server or [self.server]))
                for label, client, row, *server in self.contestants}
        exact = {}
        for label, run in runs.items():
            progress(f"{self.title}: {label}")
            counted = run._replace(size=self.counted or self.size)
            exact[label] = programs.exact(counted, self.counts)
        timed = {label: [] for label in runs}
        for n in range(rounds):
            progress(f"{self.title}: round {n + 1} of {rounds}")
            for label, run in runs.items():
                timed[label].append(programs.figures(run, self.timed))
        return exact, timed

    def show(self, measured):
        exact, timed = measured
        cpu = {label: [r["cpu_ns"] for r in rounds] for label, rounds in timed.items()}
        bases = [base for base in self.NAMES if base in exact]
        ratios = [self.NAMES[base] for base in bases]
        columns = ["instructions", *ratios, "system calls", *ratios, f"CPU {ratios[0]}",
                   *ratios[1:], "opened"]
        widths = [len(column) + 2 for column in columns]
        heading(self.title, columns, widths)
        for label, figures in exact.items():
            cells = []
            for i, value in enumerate(figures):
                cells += [number(value), *(ratio(value, exact[base][i]) for base in bases)]
            cells += [number(by_round(cpu[label], cpu[base])) for base in bases]
            cells.append(number(median(r["connections"] for r in timed[label]) / self.timed))
            line("  " + label, cells, widths)


@dataclass
class Growth:
    """How the cost of an answered request grows: the same row with ever more of something."""
    title: str
    contestants: list
    points: list         # for each column its label, concurrency, size and counts

    def measure(self, programs, _rounds):
        measured = {}
        for name, client, row, most in self.contestants:
            measured[name] = []
            for label, concurrency, size, counts in self.points:
                if max(concurrency, size or 0) > most:
                    measured[name].append((None, None))
                    continue
                progress(f"{self.title}: {label}: {name}")
                run = Run(client, row, concurrency, size)
                measured[name].append(programs.exact(run, counts))
        return measured

    def show(self, measured):
        widths = (14, *[10] * (len(self.points) - 1))
        heading(self.title, [label for label, *_ in self.points], widths)
        for i, what in enumerate(("instructions", "system calls")):
            for name, figures in measured.items():
                line(f"  {name}: {what}", [number(both[i]) for both in figures], widths)


@dataclass
class Heap:
    """Bytes per request that waits for its head, or for each more of what a client keeps."""
    title: str
    row: str
    count: int
    less: int = 0        # the count of the run that is subtracted
    server: str = "ours"

    COLUMNS = ("heap bytes", "x raw", "x curl")
    WIDTHS = (14, 7, 8)

    def measure(self, programs, _rounds):
        progress(self.title)
        everybody = all_three(self.row) if self.server == "ours" else over_tls(self.row)
        parts = [part for part in everybody if part[1] in ("raw", "curl", "ifetch")]
        return {label: self._each(programs, client) for label, client, _ in parts}

    def _each(self, programs, client):
        def heap(count):
            figures = programs.heap(Run(client, self.row, count, server=self.server), count)
            if figures.get("open", count) != count:
                sys.exit(f"{self.title}: {client} keeps {figures['open']:.0f}")
            return figures["heap"]

        few = heap(self.less) if self.less else 0
        return (heap(self.count) - few) / (self.count - self.less)

    def show(self, heap):
        heading(self.title, self.COLUMNS, self.WIDTHS)
        for label, value in heap.items():
            cells = number(value), ratio(value, heap.get(RAW)), ratio(value, heap[CURL])
            line("  " + label, cells, self.WIDTHS)


@dataclass
class Cancel:
    """Ending requests that wait for their head."""
    title: str
    contestants: list
    count: int
    concurrency: int

    COLUMNS = ("CPU x raw", "x curl", "freed x raw", "x curl", "EOF", "RST", "p50 us", "p99 us")
    WIDTHS = (14, 8, 14, 8, 9, 8, 9, 9)

    def measure(self, programs, rounds):
        results = {label: [] for label, _, _ in self.contestants}
        for n in range(rounds):
            progress(f"{self.title}: round {n + 1} of {rounds}")
            for label, client, row in self.contestants:
                figures = programs.figures(Run(client, row, self.concurrency), self.count)
                results[label].append(figures)
        return results

    def show(self, results):
        heading(self.title, self.COLUMNS, self.WIDTHS)
        cancelled = {label: [r.get("cpu_ns", 0) for r in rounds]
                     for label, rounds in results.items()}
        freed = {label: [r.get("cpu_ns", 0) + r.get("release_cpu_ns", 0) for r in rounds]
                 for label, rounds in results.items()}
        for label, rounds in results.items():
            if "p50_us" not in rounds[0]:
                print(f"  {label}: not possible")
                continue
            cells = [number(by_round(cpu[label], cpu[base]))
                     for cpu in (cancelled, freed) for base in (RAW, CURL)]
            cells += [f"{median(r[name] for r in rounds):,.0f}"
                      for name in ("eof", "rst", "p50_us", "p99_us")]
            line("  " + label, cells, self.WIDTHS)


@dataclass
class Lookups:
    """Ending requests whose names nobody answers for, and what comes after."""
    title: str
    contestants: list    # with how many at once

    COLUMNS = ("cancel p50 us", "max", "free max us", "next us", "close us", "threads left")
    WIDTHS = (16, 12, 14, 12, 12, 14)
    FIGURES = ("cancel_p50_us", "cancel_max_us", "release_max_us", "next_us", "close_us", "threads")

    def measure(self, programs, _rounds):
        measured = {}
        for label, client, row, count in self.contestants:
            progress(f"{self.title}: {label}")
            measured[f"{label}, {count:,}"] = programs.dead_names(Run(client, row, count), count)
        return measured

    def show(self, measured):
        heading(self.title, self.COLUMNS, self.WIDTHS)
        for label, figures in measured.items():
            line("  " + label, [f"{figures[name]:,.0f}" for name in self.FIGURES], self.WIDTHS)


def by_round(times, base):
    """The median of the ratios of each round; None where nothing was timed."""
    return median(t / b for t, b in zip(times, base)) if all(times) and all(base) else None
