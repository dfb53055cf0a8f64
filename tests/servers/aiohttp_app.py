"""The handler is told by an event: its task is cancelled."""

import asyncio
import os
import socket

from aiohttp import web

WITNESS = ("127.0.0.1", int(os.environ["WITNESS"]))
WORK_S = int(os.environ["WORK_MS"]) / 1000

witness = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


async def quick(_request):
    return web.Response(text="quick\n")


async def event(_request):
    witness.sendto(b"begin", WITNESS)
    try:
        await asyncio.sleep(WORK_S)
    except asyncio.CancelledError:
        witness.sendto(b"gone", WITNESS)
        raise
    witness.sendto(b"end", WITNESS)
    return web.Response(text="done\n")


app = web.Application()
app.add_routes([web.get("/quick", quick), web.get("/event", event)])
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), handler_cancellation=True)
