"""Timeouts of PostgreSQL connections: a frozen server, or a network that drops packets, holds up no process."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

from sqlalchemy import Engine, event

Answer = TypeVar("Answer")
PING_S = 0.5
"""For a connection of the pool to show that it lives; what fails is replaced, and connecting takes 2 s at most."""
IDLE_S = 10.0
"""After which the server undoes the transaction of a client that it does not hear of."""


def bound_waiting(engine: Engine, wait_s: float) -> None:
    """Limit every wait of this engine's connections, at the server and here.

    The server's own limits free its locks; they say nothing when the server does not run. So the driver gives a
    statement up as well, a little later, and closes the connection, which SQLAlchemy then takes for broken.
    """
    from psycopg import Connection, OperationalError

    class BoundedConnection(Connection[Any]):
        """Gives up a statement whose answer does not come."""

        def wait(self, gen: Generator[Any, Any, Answer], *args: Any, **kwargs: Any) -> Answer:
            return super().wait(self._bounded(gen), *args, **kwargs)

        def _bounded(self, gen: Generator[Any, Any, Answer]) -> Generator[Any, Any, Answer]:
            """The same generator; psycopg wakes it every 0.1 s, ready or not. Only pings run in autocommit."""
            deadline_s = time.monotonic() + (PING_S if self.autocommit else wait_s + 0.3)
            ready = None
            while True:
                try:
                    wanted = gen.send(ready)
                except StopIteration as end:
                    answer: Answer = end.value
                    return answer
                ready = yield wanted
                if not ready and time.monotonic() > deadline_s:
                    self.close()
                    raise OperationalError("no answer in time")

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> Any:
        return BoundedConnection.connect(*args, **kwargs)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        for name, limit_s in (("statement", wait_s), ("lock", wait_s), ("idle_in_transaction_session", IDLE_S)):
            connection.execute(f"SET {name}_timeout = {int(limit_s * 1000)}")
        connection.autocommit = False
