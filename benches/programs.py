"""Runs the benchmark programs, bare or under the tools that count for them."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Far more than any single run takes: what is not over by then hangs.
PATIENCE_S = 150


def progress(text):
    print(text, file=sys.stderr, flush=True)


class Programs:
    """The folder with the programs, and its server, which runs while this is entered."""

    def __init__(self, folder):
        self.folder = Path(folder)
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.client_core = cores[0], cores[-1]

    def __enter__(self):
        command = [self.folder / "server", str(self.server_core)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.server = subprocess.Popen(command, text=True, **pipes)
        self.port = self.server.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.server.stdin.close()
        self.server.wait(PATIENCE_S)

    def _run(self, client, row, count, concurrency, body=None, under=(), env=()):
        """One run of a client on its core; what it prints, and what it or its tool says aside."""
        sizes = [count, concurrency] + ([body] if body else [])
        command = [str(w) for w in (*under, self.folder / client, row, self.port, *sizes)]
        done = subprocess.run(
            command,
            preexec_fn=lambda: os.sched_setaffinity(0, {self.client_core}),
            env=os.environ | dict(env),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
        return done

    def figures(self, client, row, *sizes, **more):
        """What a client prints, such as {"cpu_ns": 1234}."""
        words = self._run(client, row, *sizes, **more).stdout.split()
        pairs = dict(word.split("=", 1) for word in words if "=" in word)
        texts = {name: pairs.pop(name) for name in ("row", "version") if name in pairs}
        return texts | {name: float(value) for name, value in pairs.items()}

    def heap(self, *run):
        """Heap bytes of a row that says them. Without the thread caches of malloc, which would
        count what was freed as if it were in use."""
        return self.figures(*run, env={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"})["heap"]

    def _instructions(self, *run):
        callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        return int(re.search(r"Collected : (\d+)", self._run(*run, under=callgrind).stderr)[1])

    def _system_calls(self, *run):
        with tempfile.NamedTemporaryFile("r") as table:
            self._run(*run, under=["strace", "-f", "-c", "-U", "calls,name", "-o", table.name])
            return int(re.search(r"^ *(\d+) total$", table.read(), re.MULTILINE)[1])

    def instructions(self, client, row, counts, concurrency, body):
        """User instructions per request."""
        return self._per_request(self._instructions, client, row, counts, concurrency, body)

    def system_calls(self, client, row, counts, concurrency, body):
        """System calls per request."""
        return self._per_request(self._system_calls, client, row, counts, concurrency, body)

    @staticmethod
    def _per_request(measure, client, row, counts, concurrency, body):
        """The difference between a longer and a shorter run, so that starting up cancels out."""
        few, many = (measure(client, row, n, concurrency, body) for n in counts)
        return (many - few) / (counts[1] - counts[0])
