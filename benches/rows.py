"""All rows of `make bench`, in the order of the table."""

from kinds import (CURL, IFETCH, RAW, Cancel, Growth, Heap, Lookups, Requests, all_three,
                   full_and_resumed, over_tls)

NEW = [*all_three("new"), ("ifetch, ifetch_client_wait()", "ifetch", "new-wait")]
ALONE = [("ifetch, no client", "ifetch", "alone"),
         ("ifetch, no client, ifetch_wait()", "ifetch", "alone-wait")]
KEEP = all_three("keep")
KEEP_URLS = all_three("keep-urls")
KEEP_WAIT = [*KEEP, ("ifetch, ifetch_client_wait()", "ifetch", "keep-wait")]
CANCELS = [*all_three("cancel"), ("raw, FIN and RST", "raw", "cancel-reset"),
           ("ifetch, FIN alone", "ifetch", "cancel-finish")]
AT_ONCE = [*all_three("busy-at-once"), ("raw, FIN and RST", "raw", "busy-at-once-reset")]

# Where libcurl's part would take minutes under callgrind, it is left out.
AT_A_TIME = [(RAW, "raw", "keep", 10_000), (CURL, "curl", "keep", 1_000),
             (IFETCH, "ifetch", "keep", 10_000)]
# libcurl waits for the name server in each cancel.
LOOKUPS = [(CURL, "curl", "lookups", 3), (f"{IFETCH}, by the system", "ifetch", "lookups-system", 30),
           (f"{IFETCH}, natively", "ifetch", "lookups", 1000)]
DEADLINES = [(CURL, "curl", "deadlines", 1_000), (IFETCH, "ifetch", "deadlines", 100_000)]


def rows(quick):
    counts = (100, 300) if quick else (200, 1200)
    timed = {1: 500, 64: 500} if quick else {1: 2000, 64: 8000}    # by how many at a time
    body, size = (32 << 20, "32 MiB") if quick else (1 << 30, "1 GiB")
    many = 1000 if quick else 10_000

    def requests(title, contestants, at_a_time, size=None, server="ours"):
        return Requests(title, contestants, at_a_time, counts, timed[at_a_time], size, server)

    for server, at in (("ours", ""), ("nginx", ", nginx")):
        yield requests(f"kept, 1 at a time{at}", KEEP_WAIT, 1, server=server)
        yield requests(f"kept, 64 at a time{at}", KEEP, 64, server=server)
        yield requests(f"kept, 64 at a time, new URLs{at}", KEEP_URLS, 64, server=server)
    yield requests("kept, 64 at a time, 200 origins", all_three("origins"), 64, 200)
    yield requests("new connection each, 1 at a time", NEW + ALONE, 1)
    yield requests("new connection each, 64 at a time", NEW, 64)
    yield Requests(f"{size} by Content-Length", all_three("length"), 1, (1, 3), 1, body)
    yield Requests(f"{size} in chunks of 16 KiB", all_three("chunked"), 1, (1, 3), 1, body)

    yield requests("TLS, kept, 1 at a time", over_tls("tls-keep"), 1, server="resumed")
    yield requests("TLS, new connection each", full_and_resumed("tls-new"), 1)
    # libcurl reads all of them for each connection, which takes long under callgrind.
    yield Requests("TLS, full, with Debian's certificates", over_tls("tls-new"), 1, (4, 12), 100,
                   None, "bundle")
    yield Requests(f"TLS, {size}; counted for 32 MiB", over_tls("tls-length"), 1, (1, 3), 1, body,
                   "resumed", 32 << 20)

    yield Growth("kept, requests at a time", AT_A_TIME,
                 [(f"{n:,}", n, None, (n + counts[0], n + max(n, counts[1])))
                  for n in (1, 10, 100, 1000, 10_000) if n <= many])
    yield Growth("deadlines that wait beside", DEADLINES,
                 [(f"{n:,}", 1, n, counts) for n in (10, 1000, 100_000) if n <= 10 * many])

    for n in sorted({1000, many}):
        yield Heap(f"{n:,} waiting on one client", "waiting", n)
    yield Heap(f"{many:,} waiting, to as many URLs", "waiting-urls", many)
    yield Heap("1,000 waiting, each alone", "waiting-alone", 1000)
    yield Heap("1,000 waiting over TLS", "waiting-tls", 1000, server="relayed")
    yield Heap("1,000 idle connections", "keep", 1000, less=1)
    yield Heap("1,000 idle TLS connections", "tls-keep", 1000, less=1, server="resumed")

    for n in sorted({1, 1000, many}):
        yield Cancel(f"cancel of {n:,} waiting", CANCELS, max(n, 100), n)
    yield Cancel("cancel of 300, loop's thread busy", all_three("busy"), 300, 300)
    yield Cancel("the same, by a signal handler", all_three("busy-signal"), 300, 300)
    for n in (1, 1000):
        count = max(n, 100)
        yield Cancel(f"one call for {n:,}, loop busy", AT_ONCE, count, n)
        yield Cancel(f"one call for {n:,}, by a handler", all_three("busy-at-once-signal"), count, n)
    yield Lookups("cancel of dead lookups", LOOKUPS)
