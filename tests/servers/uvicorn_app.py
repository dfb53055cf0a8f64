"""An ASGI handler is told by a message, http.disconnect, if it waits for one."""

import asyncio
import os
import socket

WITNESS = ("127.0.0.1", int(os.environ["WITNESS"]))
WORK_S = int(os.environ["WORK_MS"]) / 1000
GAP_S = 0.05

witness = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    head = {"type": "http.response.start", "status": 200}
    if scope["path"] == "/event":
        witness.sendto(b"begin", WITNESS)
        witness.sendto(await disconnected(receive), WITNESS)
    elif scope["path"] == "/send":
        witness.sendto(b"begin", WITNESS)
        await asyncio.get_running_loop().run_in_executor(None, witness.recv, 100)
        witness.sendto(await sending(send, head), WITNESS)
        return
    await send(head)
    await send({"type": "http.response.body", "body": b"done\n"})


async def sending(send, head):
    write = 1
    try:
        await send(head)
        for write in range(2, int(WORK_S / GAP_S)):
            await asyncio.sleep(GAP_S)
            await send({"type": "http.response.body", "body": b"piece\n", "more_body": True})
        await send({"type": "http.response.body"})
        return b"end"
    except OSError:
        return b"gone %d" % write


async def disconnected(receive):
    async def http_disconnect():
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(http_disconnect(), WORK_S)
        return b"gone"
    except asyncio.TimeoutError:
        return b"end"
