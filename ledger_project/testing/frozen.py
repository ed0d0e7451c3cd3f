"""Servers that hang."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def a_frozen_redis() -> Iterator[str]:
    """Its URL. It takes connections, as the system does for a process that is stopped, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
