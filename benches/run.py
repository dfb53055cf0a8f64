"""Runs every row and prints one table. Judge by instructions, system calls, heap and the CPU ratios
of one round: times on a shared machine swing."""

import argparse
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from programs import Programs, progress
from table import heading, line, number, ratio

RAW, CURL, IFETCH = "raw", "libcurl", "ifetch"

# Who takes part: a label, its program, and the name that the program has for its way to do the row.
ON_A_CLIENT = [(RAW, "raw", "new"), (CURL, "curl", "new"),
               (IFETCH, "ifetch", "new"), ("ifetch, ifetch_client_wait()", "ifetch", "new-wait")]
ALONE = [("ifetch, no client", "ifetch", "alone"),
         ("ifetch, no client, ifetch_wait()", "ifetch", "alone-wait")]


def all_three(row):
    return [(RAW, "raw", row), (CURL, "curl", row), (IFETCH, "ifetch", row)]


@dataclass
class Requests:
    """A row of requests that are answered."""
    title: str
    contestants: list
    concurrency: int
    counts: tuple        # of the two runs whose difference is taken
    timed: int           # requests in each round
    body: int = None

    def measure(self, programs, rounds):
        exact = {}
        for label, client, row in self.contestants:
            progress(f"{self.title}: {label}")
            run = (client, row, self.counts, self.concurrency, self.body)
            exact[label] = (programs.instructions(*run), programs.system_calls(*run))
        cpu = {label: [] for label in exact}
        for n in range(rounds):
            progress(f"{self.title}: round {n + 1} of {rounds}")
            for label, client, row in self.contestants:
                run = (client, row, self.timed, self.concurrency, self.body)
                cpu[label].append(programs.figures(*run)["cpu_ns"])
        return exact, cpu

    def show(self, measured):
        exact, cpu = measured
        heading(self.title, [("instructions", 15), ("x raw", 8), ("x libcurl", 10), ("system calls", 15),
                             ("x raw", 8), ("x libcurl", 10), ("CPU x raw", 13), ("x libcurl", 10)])
        for label, figures in exact.items():
            cells = []
            for value, raw, curl in zip(figures, exact[RAW], exact[CURL]):
                cells += [(number(value), 15), (ratio(value, raw), 8), (ratio(value, curl), 10)]
            cells += [(number(by_round(cpu[label], cpu[RAW])), 13), (number(by_round(cpu[label], cpu[CURL])), 10)]
            line("  " + label, cells)


@dataclass
class Heap:
    """Bytes per request that waits for its head."""
    title: str
    row: str
    concurrency: int

    def measure(self, programs, _rounds):
        progress(self.title)
        n = self.concurrency
        return {label: programs.heap(client, row, n, n) / n for label, client, row in all_three(self.row)}

    def show(self, heap):
        heading(self.title, [("heap bytes", 15), ("x raw", 8), ("x libcurl", 10)])
        for label, value in heap.items():
            line("  " + label, [(number(value), 15), (ratio(value, heap[RAW]), 8), (ratio(value, heap[CURL]), 10)])


@dataclass
class Cancel:
    """Ending requests that wait for their head."""
    title: str
    row: str
    count: int
    concurrency: int

    def measure(self, programs, rounds):
        results = {label: [] for label, _, _ in all_three(self.row)}
        for n in range(rounds):
            progress(f"{self.title}: round {n + 1} of {rounds}")
            for label, client, row in all_three(self.row):
                results[label].append(programs.figures(client, row, self.count, self.concurrency))
        return results

    def show(self, results):
        heading(self.title, [("CPU x raw", 15), ("x libcurl", 10), ("freed, x raw", 14), ("x libcurl", 10),
                             ("EOF", 9), ("RST", 8), ("p50 us", 10), ("p99 us", 10)])
        cancel = {label: [r.get("cpu_ns", 0) for r in rs] for label, rs in results.items()}
        freed = {label: [r.get("cpu_ns", 0) + r.get("release_cpu_ns", 0) for r in rs]
                 for label, rs in results.items()}
        for label, rounds in results.items():
            if "p50_us" not in rounds[0]:
                print(f"  {label}: not possible")
                continue
            cells = [(number(by_round(times[label], times[base])), width)
                     for times, widths in ((cancel, (15, 10)), (freed, (14, 10)))
                     for base, width in zip((RAW, CURL), widths)]
            cells += [(f"{median(r[name] for r in rounds):,.0f}", width)
                      for name, width in (("eof", 9), ("rst", 8), ("p50_us", 10), ("p99_us", 10))]
            line("  " + label, cells)


def by_round(times, base):
    """The median of the ratios of each round; None where nothing was timed."""
    return median(t / b for t, b in zip(times, base)) if all(times) and all(base) else None


def rows(quick):
    counts = (100, 300) if quick else (200, 1200)
    timed = 500 if quick else 5000
    body = (32 if quick else 1024) * 1024 * 1024
    size = "32 MiB" if quick else "1 GiB"
    many = 1000 if quick else 10000
    yield Requests("new connection each, 1 at a time", ON_A_CLIENT + ALONE, 1, counts, timed)
    yield Requests("new connection each, 64 at a time", ON_A_CLIENT, 64, counts, timed)
    yield Requests(f"{size} by Content-Length", all_three("length"), 1, (1, 2), 1, body)
    yield Requests(f"{size} in chunks of 16 KiB", all_three("chunked"), 1, (1, 2), 1, body)
    for n in sorted({1000, many}):
        yield Heap(f"{n:,} waiting on one client", "waiting", n)
    yield Heap(f"{many:,} waiting, to as many URLs", "waiting-urls", many)
    yield Heap("1,000 waiting, each alone", "waiting-alone", 1000)
    for n in sorted({1, 1000, many}):
        yield Cancel(f"cancel of {n:,} waiting", "cancel", max(n, 100), n)
    yield Cancel("cancel of 300, loop's thread busy", "busy", 300, 300)


def versions(programs):
    curl, ifetch = (programs.figures(client, "new", 1, 1)["version"] for client in ("curl", "ifetch"))
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (f"ifetch {ifetch}, libcurl {curl}; {model[1] if model else platform.machine()}, {os.cpu_count()} cores, "
            f"Linux {platform.release()}; server on core {programs.server_core}, clients on core {programs.client_core}")


NOTES = """
instructions   of the process in user space, per request, counted by callgrind
system calls   per request, counted by strace; it slows the client down, so that answers wait for it
               both are differences between two run lengths, so that starting up cancels out
CPU            user and system time of the client; medians of the ratios of {rounds} interleaved rounds
bodies         every client reads with a buffer of 256 KiB and drops what it read
heap           what malloc has handed out, its own headers included (mallinfo2), over the requests,
               which all go to one URL unless said
cancel         raw: close(); libcurl: curl_multi_remove_handle(); ifetch: ifetch_cancel()
freed          cancelled, and everything of the request freed
EOF, RST       at how many cancels the server read an EOF, and at how many it saw an RST; both can be
p50, p99       from the call to the server's notice, both by the machine's monotonic clock
busy           cancels come from a second thread while the first computes; raw: shutdown()"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", help="where build.sh put the programs")
    parser.add_argument("--quick", action="store_true", help="fewer requests, shorter bodies")
    parser.add_argument("words", nargs="*", help="only the rows whose titles hold one of these")
    chosen = parser.parse_args()

    rounds = 3 if chosen.quick else 7
    todo = [row for row in rows(chosen.quick)
            if not chosen.words or any(word in row.title for word in chosen.words)]
    with Programs(chosen.folder) as programs:
        about = versions(programs)
        measured = [(row, row.measure(programs, rounds)) for row in todo]
    print(about)
    for row, results in measured:
        row.show(results)
    print(NOTES.format(rounds=rounds))


if __name__ == "__main__":
    main()
