"""Sends requests over many connections at once, in a process of its own; prints JSON.

Usage: load.py PORT REQUEST-IN-HEX CONNECTIONS SECONDS

Prints requests a second, response times in ms at the 50th and 99th percentile, and how busy this
process was (1 is a whole core). Less than 1 means that the server was the bottleneck.
"""

import json
import selectors
import socket
import statistics
import sys
import time


def main(port: int, request: bytes, connections: int, seconds: float) -> None:
    """Send requests for a time, and print the statistics."""
    size = measure_response(port, request)
    selector = selectors.EpollSelector()
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(request)
        selector.register(sock, selectors.EVENT_READ, (sock, [time.perf_counter(), size]))
    times: list[float] = []
    start, busy = time.perf_counter(), time.process_time()
    end = start + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(1):
            sock, state = key.data
            state[1] -= len(sock.recv(1 << 16))
            if state[1] <= 0:
                now = time.perf_counter()
                times.append(now - state[0])
                state[:] = [now, size]
                sock.sendall(request)
    took, busy = time.perf_counter() - start, time.process_time() - busy
    cuts = statistics.quantiles(times, n=100)
    found = {"rate": len(times) / took, "p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}
    print(json.dumps({**found, "busy": busy / took}))


def measure_response(port: int, request: bytes) -> int:
    """Return the size of a response in bytes, head included."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(request)
        data = sock.recv(1 << 16)
        head, _, _ = data.partition(b"\r\n\r\n")
        length = next(x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:"))
        return len(head) + 4 + int(length.partition(b":")[2])


if __name__ == "__main__":
    main(int(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
