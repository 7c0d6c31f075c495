"""Connections to the store: one that writes, and some that read beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..graph.store import Store

#: Seconds to wait for other processes that write. Who sends waits; nobody trains meanwhile.
TIMEOUT = 20.0
#: Readers that are kept for the next request.
KEPT = 4


class Stores:
    """The store of a server, safe for its threads.

    Args:
        url: of the store, not in memory: its connections would each have one of their own.
        timeout: seconds to wait for other processes that write.

    Raises:
        StoreError: it cannot be reached.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self.url = url
        self._timeout = timeout
        #: For writing; its threads take turns.
        self.writer = Store.open(url, timeout=timeout)
        self._lock = threading.Lock()
        self._idle: list[Store] = []
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """A store for reading, which nobody else uses meanwhile.

        Raises:
            StoreError: it cannot be reached.
        """
        with self._lock:
            store = self._idle.pop() if self._idle else None
        store = store or Store.open(self.url, timeout=self._timeout)
        try:
            yield store
        except BaseException:
            store.close()  # it may have failed for good; the next one is new
            raise
        with self._lock:
            keep = len(self._idle) < KEPT and not self._closed
            if keep:
                self._idle.append(store)
        if not keep:
            store.close()

    def close(self) -> None:
        """Give back all connections."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for store in (self.writer, *idle):
            store.close()
