"""The servers that the clients are measured against: ours, and the distribution's nginx."""

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE_S = 30

# A hundred bytes at /small and below, on connections that are never closed for their age.
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /small {{ return 200 '{body}'; }}
    }}
}}
"""


class Ours:
    """server.c; it chooses its port, and ends when its standard input does."""

    def __init__(self, program, core):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([program, str(core)], text=True, **pipes)
        self.port = self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)


class Nginx:
    """An nginx of our own, one process whose files are in a temporary folder."""

    def __init__(self, core):
        self.folder = tempfile.TemporaryDirectory(prefix="ifetch-bench-nginx-")
        self.port = str(free_port())
        config = Path(self.folder.name, "nginx.conf")
        config.write_text(NGINX.format(folder=self.folder.name, port=self.port, body="n" * 100))
        self.process = subprocess.Popen(
            ["nginx", "-c", config],
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
            stderr=subprocess.DEVNULL,   # it warns that its first log is not the one it is told
        )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self):
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(self.port)), PATIENCE_S).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > end:
                    log = Path(self.folder.name, "error.log")
                    raise SystemExit(f"nginx does not listen: {log.read_text()}") from None
                time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.folder.cleanup()


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]
