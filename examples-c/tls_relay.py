"""Ends TLS in front of a server on 127.0.0.1 that does not speak it; for the demo.

    python3 tls_relay.py PORT CERTIFICATE KEY CONNECTIONS

prints the port it listens on, and ends after so many connections, or with its parent. Whatever ends
on one side is ended on the other, so that the server learns at once that its client has gone.
"""

import os
import socket
import ssl
import sys
import threading
import time


def move(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for side in (source, sink):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(client, context, port):
    try:
        secure = context.wrap_socket(client, server_side=True)
    except OSError:
        return
    server = socket.create_connection(("127.0.0.1", port))
    back = threading.Thread(target=move, args=(server, secure), daemon=True)
    back.start()
    move(secure, server)
    back.join()


def main():
    port, certificate, key, connections = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    relays = []
    for _ in range(int(connections)):
        client, _ = listener.accept()
        relays.append(threading.Thread(target=relay, args=(client, context, int(port))))
        relays[-1].start()
    for thread in relays:
        thread.join()


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(1)


main()
