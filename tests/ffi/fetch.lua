-- One fetch, driven by poll(): luajit fetch.lua HEADER URL
--
-- The C header is the binding: LuaJIT reads it once the preprocessor has been over it.

local ffi = require("ffi")
local header, url = arg[1], arg[2]

-- LuaJIT knows the types of the headers that this one includes.
local command = "grep -v '^#include' '" .. header .. "' | cc -E -P -DIFETCH_MUST_USE= -"
ffi.cdef(io.popen(command):read("*a"))
ffi.cdef [[
struct pollfd { int fd; short events, revents; };
int poll(struct pollfd *fds, unsigned long nfds, int timeout);
]]
local POLLIN = 1
local lib = ffi.load("libifetch.so.0")

local fetch = lib.ifetch_start(url, nil)
local readable = ffi.new("struct pollfd[1]", { { lib.ifetch_fd(fetch), POLLIN } })
local status = lib.ifetch_poll(fetch)
while status == lib.IFETCH_PENDING do
    ffi.C.poll(readable, 1, -1)
    status = lib.ifetch_poll(fetch)
end

if status == lib.IFETCH_DONE then
    local length = ffi.new("size_t[1]")
    local body = lib.ifetch_response_body(lib.ifetch_result(fetch), length)
    io.write(ffi.string(body, length[0]))
else
    io.stderr:write(ffi.string(lib.ifetch_error_message(fetch)), "\n")
end
lib.ifetch_free(fetch)
os.exit(status == lib.IFETCH_DONE)
