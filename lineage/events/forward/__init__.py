"""The same events to other OpenLineage backends, in the background.

Where the standard client configuration names a backend, each event is appended to a queue
on disk and that is all a run ever waits for. A daemon thread sends what waits there; what
is left when the process ends is sent by a later one, or by `begat forward`.

| module | what it does |
|---|---|
| `configuration` | whether a backend is configured, without the client's library |
| `queue` | events that wait, and how far each backend has come |
| `destinations` | backends, by the client's own transports |
| `delivery` | sends what waits to one backend, in order |
| `courier` | the thread, and its end |
"""

from __future__ import annotations

from .courier import Courier, Forwarder, Off, open_forwarder

__all__ = ["Courier", "Forwarder", "Off", "open_forwarder"]
