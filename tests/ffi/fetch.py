"""One fetch, driven by poll(): fetch.py HEADER URL

The C header is the binding: cffi reads it once the preprocessor has been over it.
"""

import select
import subprocess
import sys

import cffi

header, url = sys.argv[1:]

ffi = cffi.FFI()
ffi.cdef(subprocess.check_output(
    # cffi knows the types of the headers that this one includes.
    f"grep -v '^#include' '{header}' | cc -E -P -DIFETCH_MUST_USE= -",
    shell=True, text=True))
lib = ffi.dlopen("libifetch.so.0")

fetch = lib.ifetch_start(url.encode(), ffi.NULL)
readable = select.poll()
readable.register(lib.ifetch_fd(fetch), select.POLLIN)
while (status := lib.ifetch_poll(fetch)) == lib.IFETCH_PENDING:
    readable.poll()

if status == lib.IFETCH_DONE:
    length = ffi.new("size_t *")
    body = lib.ifetch_response_body(lib.ifetch_result(fetch), length)
    sys.stdout.buffer.write(ffi.buffer(body, length[0]))
else:
    print(ffi.string(lib.ifetch_error_message(fetch)).decode(), file=sys.stderr)
lib.ifetch_free(fetch)
sys.exit(status != lib.IFETCH_DONE)
