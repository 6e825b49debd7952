"""Takes answers and throws them away, in a process of its own.

Reads `PORT REQUEST` lines, the request in hex, and prints for each the seconds from connecting to
the end of the answer, and how many bytes came.
"""

import socket
import sys
import time

room = bytearray(1 << 20)
for line in sys.stdin:
    port, request = line.split()
    begun, size = time.perf_counter(), 0
    with socket.create_connection(("127.0.0.1", int(port))) as sock:
        sock.sendall(bytes.fromhex(request))
        while count := sock.recv_into(room):
            size += count
    print(time.perf_counter() - begun, size, flush=True)
