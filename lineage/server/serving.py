"""Serve until told to stop; refuse to serve what would be open to everybody."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from ..errors import ParameterError, SettingsError
from ..graph.store import Store
from ..registry import access
from .app import create_app
from .guard import is_loopback

#: Seconds that requests under way get to end in.
GRACE = 30


def serve(
    url: str, *, host: str, port: int, max_body: int, announce: Callable[[str, bool], None]
) -> None:
    """Serve a store until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        url: of the store, in SQLAlchemy's form.
        host: to bind to.
        port: to bind to; 0 for any that is free.
        max_body: bytes that a body may have.
        announce: is told the server's URL when it can be reached, and whether there is no token.

    Raises:
        ParameterError: host and port cannot be bound to.
        SettingsError: others could reach it, and there is no token.
        StoreError: the store cannot be reached.
    """
    family, address = _address(host, port)
    loopback = is_loopback(address[0])
    if not loopback:
        _refuse_without_tokens(url, host)
    with _bound(family, address) as listening:
        app = create_app(url, loopback=loopback, max_body=max_body)
        server = _Server(
            uvicorn.Config(
                app,
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
        )
        shown = f"[{host}]" if ":" in host else host
        announce(f"http://{shown}:{listening.getsockname()[1]}", _is_open(url))
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Uvicorn's server; to be told to stop is no error."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal, at once at the second, and end as after any other work."""
        before = {
            number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _is_open(url: str) -> bool:
    store = Store.open(url)
    try:
        return access.is_open(store)
    finally:
        store.close()


def _refuse_without_tokens(url: str, host: str) -> None:
    store = Store.open(url)
    try:
        usable = any(token.state == "active" for token in access.tokens(store))
    finally:
        store.close()
    if not usable:
        raise SettingsError(
            f"others can reach {host}, and without a token everybody could read and write the "
            "lineage; make one (`begat token create NAME --scope admin`), or serve on 127.0.0.1"
        )


def _address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        # AI_PASSIVE: an empty host is every address, and not this machine's own.
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise ParameterError(
            f"--host {host!r} is no address of this machine ({error}); 127.0.0.1 is its own"
        ) from None
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


@contextmanager
def _bound(family: socket.AddressFamily, address: tuple[str, int]) -> Iterator[socket.socket]:
    # The protocol is named, for asyncio sets TCP_NODELAY only then: without it each answer would
    # wait 40 ms for the acknowledgement of its own head.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError as error:
            raise ParameterError(
                f"{address[0]} port {address[1]} cannot be served on ({error.strerror or error}); "
                "stop what uses it or give another --port (0: any that is free)"
            ) from None
        listening.listen(2048)
        yield listening
