"""Runs every row and prints one table. Judge by instructions, system calls, heap and the CPU
ratios of one round: times on a shared machine swing."""

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


def all_three(row):
    """Who takes part: a label, its program, and what the program calls its way to do the row."""
    return [(RAW, "raw", row), (CURL, "curl", row), (IFETCH, "ifetch", row)]


ON_A_CLIENT = [*all_three("new"), ("ifetch, ifetch_client_wait()", "ifetch", "new-wait")]
ALONE = [("ifetch, no client", "ifetch", "alone"),
         ("ifetch, no client, ifetch_wait()", "ifetch", "alone-wait")]
CANCELS = [*all_three("cancel"), ("raw, FIN and RST", "raw", "cancel-reset")]


@dataclass
class Requests:
    """A row of requests that are answered."""
    title: str
    contestants: list
    concurrency: int
    counts: tuple        # of the two runs whose difference is taken
    timed: int           # requests in each round
    body: int = None

    COLUMNS = ("instructions", "x raw", "x curl", "system calls", "x raw", "x curl",
               "CPU x raw", "x curl")
    WIDTHS = (14, 7, 8, 15, 7, 8, 12, 8)

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
        heading(self.title, self.COLUMNS, self.WIDTHS)
        for label, figures in exact.items():
            cells = []
            for value, raw, curl in zip(figures, exact[RAW], exact[CURL]):
                cells += [number(value), ratio(value, raw), ratio(value, curl)]
            cells += [number(by_round(cpu[label], cpu[base])) for base in (RAW, CURL)]
            line("  " + label, cells, self.WIDTHS)


@dataclass
class Heap:
    """Bytes per request that waits for its head."""
    title: str
    row: str
    count: int

    COLUMNS = ("heap bytes", "x raw", "x curl")
    WIDTHS = (14, 7, 8)

    def measure(self, programs, _rounds):
        progress(self.title)
        return {label: programs.heap(client, row, self.count, self.count) / self.count
                for label, client, row in all_three(self.row)}

    def show(self, heap):
        heading(self.title, self.COLUMNS, self.WIDTHS)
        for label, value in heap.items():
            cells = number(value), ratio(value, heap[RAW]), ratio(value, heap[CURL])
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
                figures = programs.figures(client, row, self.count, self.concurrency)
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


def by_round(times, base):
    """The median of the ratios of each round; None where nothing was timed."""
    return median(t / b for t, b in zip(times, base)) if all(times) and all(base) else None


def rows(quick):
    counts = (100, 300) if quick else (200, 1200)
    timed = 500 if quick else 5000
    body, size = (32 << 20, "32 MiB") if quick else (1 << 30, "1 GiB")
    many = 1000 if quick else 10000
    yield Requests("new connection each, 1 at a time", ON_A_CLIENT + ALONE, 1, counts, timed)
    yield Requests("new connection each, 64 at a time", ON_A_CLIENT, 64, counts, timed)
    yield Requests(f"{size} by Content-Length", all_three("length"), 1, (1, 3), 1, body)
    yield Requests(f"{size} in chunks of 16 KiB", all_three("chunked"), 1, (1, 3), 1, body)
    for n in sorted({1000, many}):
        yield Heap(f"{n:,} waiting on one client", "waiting", n)
    yield Heap(f"{many:,} waiting, to as many URLs", "waiting-urls", many)
    yield Heap("1,000 waiting, each alone", "waiting-alone", 1000)
    for n in sorted({1, 1000, many}):
        yield Cancel(f"cancel of {n:,} waiting", CANCELS, max(n, 100), n)
    yield Cancel("cancel of 300, loop's thread busy", all_three("busy"), 300, 300)


def versions(programs):
    curl, ifetch = (programs.figures(client, "new", 1, 1)["version"]
                    for client in ("curl", "ifetch"))
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    machine = model[1] if model else platform.machine()
    return (f"ifetch {ifetch}, libcurl {curl}, Linux {platform.release()}, {machine}\n"
            f"server on core {programs.server_core}, clients on core {programs.client_core}, "
            f"of {os.cpu_count()}")


NOTES = """
instructions   of the process in user space, per request, counted by callgrind
system calls   per request, counted by strace; it slows the client, so that answers wait for it
               both are differences between two run lengths, so that starting up cancels out
CPU            user and system time of the client: the median ratio of {rounds} interleaved rounds
bodies         every client reads with a buffer of 256 KiB and drops what it read
heap           what malloc has handed out, its own headers included (mallinfo2), over the
               requests, which all go to one URL unless said
cancel         raw: close(); libcurl: curl_multi_remove_handle(); ifetch: ifetch_cancel();
               "FIN and RST" is what ifetch sends, by shutdown() and connect(AF_UNSPEC)
freed          cancelled, and everything of the request freed
EOF, RST       at how many cancels the server read an EOF, and at how many it saw an RST
p50, p99       from the call to the server's notice, both by the machine's monotonic clock
busy           a second thread cancels while the first computes; raw: shutdown()"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", help="where build.sh put the programs")
    parser.add_argument("--quick", action="store_true", help="fewer requests, shorter bodies")
    parser.add_argument("words", nargs="*", help="only the rows whose titles hold one of these")
    chosen = parser.parse_intermixed_args()

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
