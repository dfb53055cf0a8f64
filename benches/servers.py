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
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{resumed} ssl backlog=4096;
        location /small {{ return 200 '{body}'; }}
        location /length/ {{ alias {folder}/length/; }}
        location /never/ {{
            proxy_pass http://127.0.0.1:{ours};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 1h;
        }}
    }}
    server {{
        listen 127.0.0.1:{full} ssl backlog=4096;
        ssl_session_tickets off;
        ssl_session_cache off;
        location /small {{ return 200 '{body}'; }}
    }}
}}
"""
# Where distributions have the certificates that a system trusts.
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


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

    def __init__(self, core, ours):
        self.folder = tempfile.TemporaryDirectory(prefix="ifetch-bench-nginx-")
        self.port, self.resumed, self.full = (str(free_port()) for _ in range(3))
        self._certify()
        config = Path(self.folder.name, "nginx.conf")
        config.write_text(NGINX.format(folder=self.folder.name, port=self.port, body="n" * 100,
                                       resumed=self.resumed, full=self.full, ours=ours))
        self.process = subprocess.Popen(
            ["nginx", "-c", config],
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
            stderr=subprocess.DEVNULL,   # it warns that its first log is not the one it is told
        )
        self._wait_until_it_listens()

    def _certify(self):
        """A certificate for 127.0.0.1, of an authority that only the clients know: alone, and among
        those that the system trusts."""
        folder = Path(self.folder.name)
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split()
        ca, ca_key, request = folder / "ca.pem", folder / "ca.key", folder / "request"
        subprocess.run(["openssl", "req", "-x509", "-days", "2", "-subj", "/CN=bench", *key,
                        "-keyout", ca_key, "-out", ca], check=True, capture_output=True)
        subprocess.run(["openssl", "req", "-new", "-subj", "/CN=server", *key, "-keyout",
                        folder / "key.pem", "-out", request], check=True, capture_output=True)
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
        subprocess.run(["openssl", "x509", "-req", "-days", "2", "-in", request, "-CA", ca, "-CAkey",
                        ca_key, "-set_serial", "2", "-extfile", folder / "names", "-out",
                        folder / "cert.pem"], check=True, capture_output=True)
        bundle = BUNDLE.read_bytes() if BUNDLE.exists() else b""
        (folder / "bundle.pem").write_bytes(bundle + ca.read_bytes())
        self.trusted, self.bundle = str(ca), str(folder / "bundle.pem")

    def body(self, size):
        """Has /length/SIZE served."""
        path = Path(self.folder.name, "length", str(size))
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as file:
            file.truncate(size)

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
