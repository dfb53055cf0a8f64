"""Runs the benchmark programs, bare or under the tools that count for them."""

import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from servers import Nginx, Ours

# Far more than any single run takes: what is not over by then hangs.
PATIENCE_S = 150


def progress(text):
    print(text, file=sys.stderr, flush=True)


class Run(NamedTuple):
    """What a client is to do, but for the number of requests."""
    client: str
    row: str             # as rows.c calls it
    concurrency: int
    size: int = None
    server: str = "ours"


class Programs:
    """The folder with the programs, and the servers, which run while this is entered."""

    def __init__(self, folder):
        self.folder = Path(folder)
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.client_core = cores[0], cores[-1]

    def __enter__(self):
        with ExitStack() as servers:
            ours = Ours(self.folder / "server", self.server_core)
            servers.callback(ours.stop)
            nginx = Nginx(self.server_core, ours.port)
            servers.callback(nginx.stop)
            self.ports = {"ours": ours.port, "nginx": nginx.port, "full": nginx.full,
                          "resumed": nginx.resumed, "bundle": nginx.full, "relayed": ours.port}
            self.trusted = {"full": nginx.trusted, "resumed": nginx.trusted,
                            "bundle": nginx.bundle, "relayed": nginx.trusted}
            self.nginx = nginx
            self.servers = servers.pop_all()
        return self

    def __exit__(self, *_):
        self.servers.close()

    def _run(self, run, count, under=(), env=()):
        """One run of a client on its core; what it prints, and what it or its tool says aside."""
        size = self.nginx.resumed if run.server == "relayed" else run.size
        sizes = [count, run.concurrency] + ([size] if size is not None else [])
        command = [*under, self.folder / run.client, run.row, self.ports[run.server], *sizes]
        if run.server in self.trusted:
            env = {**dict(env), "BENCH_TRUSTED": self.trusted[run.server]}
            if run.size is not None:
                self.nginx.body(run.size)
        return self._complete(command, env)

    def _complete(self, command, env):
        command = [str(word) for word in command]
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

    def figures(self, run, count, **more):
        """What a client prints, such as {"cpu_ns": 1234}."""
        return self._parse(self._run(run, count, **more))

    def dead_names(self, run, count):
        """The same in a network whose name server never answers."""
        script = Path(__file__).with_name("dead_names.sh")
        server, client = (self.folder / name for name in ("server", run.client))
        command = [script, server, client, run.row, count, run.concurrency]
        return self._parse(self._complete(command, env=()))

    @staticmethod
    def _parse(done):
        words = done.stdout.split()
        pairs = dict(word.split("=", 1) for word in words if "=" in word)
        texts = {name: pairs.pop(name) for name in ("row", "version") if name in pairs}
        return texts | {name: float(value) for name, value in pairs.items()}

    def heap(self, run, count):
        """The figures of a row that says heap bytes. Without the thread caches of malloc, which
        would count what was freed as if it were in use."""
        return self.figures(run, count, env={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"})

    def _instructions(self, run, count):
        callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                     "--toggle-collect=*bench_measure"]
        counted = self._run(run, count, under=callgrind).stderr
        return int(re.search(r"Collected : (\d+)", counted)[1])

    def _system_calls(self, run, count):
        with tempfile.NamedTemporaryFile("r") as table:
            strace = ["strace", "-f", "-c", "-U", "calls,name", "-o", table.name]
            self._run(run, count, under=strace)
            return int(re.search(r"^ *(\d+) total$", table.read(), re.MULTILINE)[1])

    def exact(self, run, counts):
        """User instructions and system calls per request: the differences between a longer and a
        shorter run, so that starting up cancels out."""
        few, many = counts
        return tuple((measure(run, many) - measure(run, few)) / (many - few)
                     for measure in (self._instructions, self._system_calls))
