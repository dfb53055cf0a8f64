"""Two fetches at once in an asyncio loop: fetch_asyncio.py HEADER URL"""

import asyncio
import subprocess
import sys

import cffi

header, url = sys.argv[1:]

ffi = cffi.FFI()
ffi.cdef(subprocess.check_output(
    f"grep -v '^#include' '{header}' | cc -E -P -DIFETCH_MUST_USE= -",
    shell=True, text=True))
lib = ffi.dlopen("libifetch.so.0")


async def get(url):
    """The body of the response; raises OSError if the fetch fails.

    Freeing a fetch that still runs cancels it: so does cancelling the task.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    fetch = lib.ifetch_start(url.encode(), ffi.NULL)
    descriptor = lib.ifetch_fd(fetch)
    loop.add_reader(descriptor, readable.set)
    try:
        while (status := lib.ifetch_poll(fetch)) == lib.IFETCH_PENDING:
            readable.clear()
            await readable.wait()
        if status != lib.IFETCH_DONE:
            raise OSError(ffi.string(lib.ifetch_error_message(fetch)).decode())
        length = ffi.new("size_t *")
        body = lib.ifetch_response_body(lib.ifetch_result(fetch), length)
        return bytes(ffi.buffer(body, length[0]))
    finally:
        loop.remove_reader(descriptor)
        lib.ifetch_free(fetch)


async def main():
    for body in await asyncio.gather(get(url), get(url)):
        sys.stdout.buffer.write(body)


asyncio.run(main())
