"""Runs every row and prints one table. Judge by instructions, system calls, heap and the CPU
ratios of one round: times on a shared machine swing."""

import argparse
import os
import platform
import re
from pathlib import Path

from programs import Programs, Run
from rows import rows

NOTES = """
TLS            raw is a blocking client on OpenSSL, and rustls the same on what ifetch speaks TLS
               by; nginx answers, by TLS 1.3
resumed        compared with full handshakes, not with resumed ones
instructions   of the process in user space, per request, counted by callgrind from the first
               request to the last
system calls   per request, counted by strace; it slows the client, so that answers wait for it
               both are differences between two run lengths, so that first times cancel out
CPU            user and system time of the client: the median ratio of {rounds} interleaved rounds
opened         connections per request in those rounds
new URLs       each a URL that was not asked for before, with a response head of its own; in the
               other rows all heads are the same
origins        chosen by chance, the same way in every run; a client keeps up to 64 idle ones
beside         requests that wait for a connection, each with its own deadline, while others, one
               at a time, are answered; these have a deadline too, and one for a silent server
bodies         every client reads with a buffer of 256 KiB and drops what it read
heap           what malloc has handed out, its own headers included (mallinfo2), over the
               requests, which all go to one URL unless said
idle           the heap of a client that keeps so many over that of one that keeps one
cancel         raw: close(); libcurl: curl_multi_remove_handle(); ifetch: ifetch_cancel();
               "FIN and RST" is what ifetch sends, by shutdown() and connect(AF_UNSPEC);
               "FIN alone" what it sends with IFETCH_CANCEL_FIN, and what close() does
freed          cancelled, and everything of the request freed
EOF, RST       at how many cancels the server read an EOF, and at how many it saw an RST
p50, p99       from the call to the server's notice, both by the machine's monotonic clock
busy           a second thread cancels while the first computes; raw: shutdown()
handler        of a signal that interrupts the computing thread
one call       ifetch: ifetch_token_cancel(); raw: shutdown() of one after the other; p50 and p99
               are from the one call to the notice of each
dead lookups   so many at once, in a network whose name server never answers (one try, 2 s); then
               the time of the next request, to a name in /etc/hosts, and of freeing the client;
               times of single calls, of one run"""


def versions(programs):
    curl, ifetch = (programs.figures(Run(client, "new", 1), 1)["version"]
                    for client in ("curl", "ifetch"))
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    machine = model[1] if model else platform.machine()
    return (f"ifetch {ifetch}, libcurl {curl}, "
            f"Linux {platform.release()}, {machine}\n"
            f"server on core {programs.server_core}, clients on core {programs.client_core}, "
            f"of {os.cpu_count()}")


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
