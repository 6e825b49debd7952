"""A simulated service that remembers its requests and serves planned faults."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from cldmon.demo.server import SimServer
from tests.simulation.faults import FaultPlan
from tests.simulation.replies import Delayed

if TYPE_CHECKING:
    from ssl import SSLContext

    from cldmon.demo.server import Reply, Request


class FaultyServer(SimServer):
    """`delay` is the time in seconds that each reply takes; `tls` makes it speak TLS.

    A route without a name is never struck by a fault.
    """

    def __init__(
        self, *arguments: Any, delay: float = 0.0, tls: SSLContext | None = None, **options: Any
    ) -> None:
        self.delay = delay
        self.tls = tls
        self.faults = FaultPlan()
        self._requests: list[Request] = []
        self._arrived = threading.Condition()
        super().__init__(*arguments, **options)
        if tls:
            # The handshake is the connection's own business: here others would wait for it.
            self.listener.socket = tls.wrap_socket(
                self.listener.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:") if self.tls else super().url

    @property
    def requests(self) -> list[Request]:
        """The requests so far, oldest first."""
        with self._arrived:
            return list(self._requests)

    def clear(self) -> None:
        """Forget the requests so far."""
        with self._arrived:
            self._requests.clear()

    def wait_for_requests(self, count: int, timeout: float = 5.0) -> list[Request]:
        """Return the requests once there are `count`, or after `timeout` seconds."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self._requests) >= count, timeout)
            return list(self._requests)

    def handle(self, request: Request) -> Reply:
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
        reply = self.reply(request)
        return Delayed(reply, self.delay) if self.delay else reply

    def reply(self, request: Request) -> Reply:
        """Return the reply to a request, changed by the fault that is planned for it."""
        name, genuine = self.match(request)
        fault = self.faults.take(request.key, name) if name else None
        return fault.act(genuine) if fault else genuine()
