"""Downloads responses and discards them, in a process of its own.

Reads lines `PORT REQUEST`, the request in hex, and prints for each the seconds from connecting to
the end of the response.
"""

import socket
import sys
import time

buffer = bytearray(1 << 20)
for line in sys.stdin:
    port, request = line.split()
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", int(port))) as sock:
        sock.sendall(bytes.fromhex(request))
        while sock.recv_into(buffer):
            pass
    print(time.perf_counter() - start, flush=True)
