"""A WSGI handler is told nothing. It may look at the socket, or learn from a failing write."""

import os
import socket
import time

WITNESS = ("127.0.0.1", int(os.environ["WITNESS"]))
WORK_S = int(os.environ["WORK_MS"]) / 1000
STEP_S = 0.02
GAP_S = 0.05


def app(environ, start_response):
    handlers = {"/event": looking, "/write": writing, "/compute": computing}
    handler = handlers.get(environ["PATH_INFO"])
    if not handler:
        start_response("200 OK", [("Content-Length", "6")])
        return [b"quick\n"]
    witness = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    witness.connect(WITNESS)
    witness.send(b"begin")
    return handler(environ, start_response, witness)


def looking(environ, start_response, witness):
    client = environ["gunicorn.socket"]
    end = time.monotonic() + WORK_S
    while time.monotonic() < end:
        time.sleep(STEP_S)              # works
        if has_gone(client):
            witness.send(b"gone")
            break
    else:
        witness.send(b"end")
    start_response("200 OK", [])
    return []


def has_gone(client):
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def computing(_environ, start_response, witness):
    time.sleep(WORK_S)
    witness.send(b"end")
    start_response("200 OK", [])
    return []


def writing(_environ, start_response, witness):
    witness.recv(100)                   # the word to go on, once the fetch has been cancelled
    start_response("200 OK", [])
    return pieces(witness)


def pieces(witness):
    write = 1
    try:
        yield b""                       # gunicorn sends the head by itself then
        for write in range(2, int(WORK_S / GAP_S)):
            time.sleep(GAP_S)
            yield b"piece\n"
        witness.send(b"end")
    except GeneratorExit:               # closed early, since a write has failed
        witness.send(b"gone %d" % write)
