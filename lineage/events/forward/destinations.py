"""Backends, by the standard client configuration and the client's own transports.

`OpenLineageClient.emit` takes only its own classes, changes what it is given, drops nulls
and retries for nine seconds. So an HTTP backend is sent the stored text itself, over the
session, URL, authentication, headers, compression and time limit of the client's transport;
`async_http`, which forgets what it could not send, is the same over its `http` sibling. What
other transports (Kafka, a file, …) send is built from the stored event, and goes through
the client's serializer, which leaves out nulls.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urljoin, urlsplit

from ...content.digest import digest_bytes
from ...errors import SettingsError

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport import HttpTransport, Transport
    from requests import Response

#: The backend has too much to do just now, whatever the event is.
_BUSY = {408, 425, 429, 503}
#: The configuration's fault (key, address, method), not the event's.
_MISCONFIGURED = {401, 403, 404, 405, 407}
_LONGEST_WAIT = 300.0
#: A word of a header that is shorter than this is no secret.
_SECRET_LETTERS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What became of sending an event.

    Args:
        state: `taken`; `refused`: this event will never be taken; `busy`: later, and it is
            not the event's fault; `away`: not now, and it might be.
        reason: why not, for people, without secrets.
        wait: seconds that the backend asked to be left alone.
    """

    state: Literal["taken", "refused", "busy", "away"]
    reason: str = ""
    wait: float = 0.0


TAKEN = Answer(state="taken")


class Destination(Protocol):
    """A backend."""

    @property
    def name(self) -> str:
        """How people know it, without secrets."""

    def send(self, data: bytes) -> Answer:
        """Send an event's JSON text; never raises."""

    def close(self) -> None:
        """Give back connections; a later `send` makes new ones."""


@dataclass(frozen=True, slots=True)
class Backends:
    """All that the configuration names.

    Args:
        destinations: each gets every event.
        wanted: whether the configuration's filters let an event through.
    """

    destinations: tuple[Destination, ...]
    wanted: Callable[[bytes], bool]


def keys_of(destinations: Sequence[Destination]) -> list[str]:
    """A file name for what is kept about each; two of one name have two."""
    keys: list[str] = []
    for place, destination in enumerate(destinations):
        before = sum(other.name == destination.name for other in destinations[:place])
        name = f"{destination.name} #{before + 1}" if before else destination.name
        keys.append(digest_bytes(name.encode()).partition(":")[2][:16])
    return keys


def backends() -> Backends:
    """What the configuration of this process names; imports the client.

    Raises:
        SettingsError: the configuration cannot be used.
    """
    try:
        with _discreetly():
            client = _client()
            configuration = dict(client.config.transport or {})
            if not configuration.get("type"):
                configuration = _of_url(os.environ)
            found = tuple(_expanded(configuration))
        if not found:
            raise SettingsError(
                "the OpenLineage client configuration names no backend that takes events"
            )
        return Backends(found, _filter(client))
    except SettingsError:
        raise
    except Exception as error:  # the client's own, of any type
        reason = without_secrets(f"{type(error).__name__}: {error}")
        raise SettingsError(
            f"the OpenLineage client configuration cannot be used ({reason}); mend it"
        ) from None


def without_secrets(text: str) -> str:
    """One line of it, without user information and parameters of URLs.

    >>> without_secrets("no https://me:secret@host/path?key=secret here")
    'no https://host/path here'
    """
    line = " ".join(text.split())
    return re.sub(r"(\?)[^\s'\")]*", "", re.sub(r"://[^/@\s]*@", "://", line))[:300]


@dataclass(frozen=True, slots=True)
class Http:
    """A backend over HTTP: it gets the stored text, byte for byte."""

    transport: HttpTransport

    @property
    def name(self) -> str:
        """Its address, behind the name that the configuration gives it."""
        address = without_secrets(urljoin(self.transport.url, self.transport.endpoint))
        return f"{self.transport.name} ({address})" if self.transport.name else address

    def send(self, data: bytes) -> Answer:
        """POST the event, once; redirects are not followed, since they would lose it."""
        to = self.transport
        secrets: list[str] = []
        try:
            bearer = to.config.auth.get_bearer() or ""
            secrets += bearer.split()
            headers = {"Content-Type": "application/json", **to.config.custom_headers}
            words = " ".join(map(str, to.config.custom_headers.values())).split()
            secrets += [word for word in words if len(word) >= _SECRET_LETTERS]
            if bearer:
                headers.setdefault("Authorization", bearer)
            if to.compression is not None:
                headers["Content-Encoding"] = "gzip"
                data = gzip.compress(data, compresslevel=3)
            response = to.session.post(
                urljoin(to.url, to.endpoint),
                data=data,
                headers=headers,
                timeout=to.timeout,
                verify=to.verify,
                cert=to.cert,
                allow_redirects=False,
            )
        except Exception as error:  # requests' own, the token provider's, TLS
            return Answer(state="away", reason=_unreachable(error, to.timeout, secrets))
        return _answer(response, secrets)

    def close(self) -> None:
        """Close the session."""
        self.transport.close()


@dataclass(frozen=True, slots=True)
class Client:
    """A backend over another of the client's transports, such as Kafka or a file."""

    transport: Transport

    @property
    def name(self) -> str:
        """The transport's name or kind."""
        return self.transport.name or self.transport.kind or type(self.transport).__qualname__

    def send(self, data: bytes) -> Answer:
        """Emit the event."""
        try:
            self.transport.emit(_typed(data))
        except Exception as error:  # the transport's own, of any type
            reason = without_secrets(f"{type(error).__name__}: {error}")
            return Answer(state="away", reason=f"failed ({reason})")
        return TAKEN

    def close(self) -> None:
        """Nothing: what a transport has buffered must not be cut off."""


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Several backends of which one has to get each event: the first that takes it."""

    children: tuple[Destination, ...]

    @property
    def name(self) -> str:
        """All their names."""
        return f"first of {', '.join(child.name for child in self.children)}"

    def send(self, data: bytes) -> Answer:
        """Send to each until one takes it."""
        answer = TAKEN
        for child in self.children:
            answer = child.send(data)
            if answer.state == "taken":
                return answer
        return answer

    def close(self) -> None:
        """Close them all."""
        for child in self.children:
            child.close()


def _expanded(configuration: Mapping[str, Any]) -> Iterator[Destination]:
    from openlineage.client.transport import HttpTransport, get_default_factory

    kind = configuration.get("type")
    if kind == "composite":
        yield from _children(configuration)
        return
    given = dict(configuration)
    if kind in ("http", "async_http"):
        # Trying again is the queue's business: it goes on where the process ends.
        given |= {"type": "http", "retry": {"total": 0, "status_forcelist": []}}
    made = get_default_factory().create(given)
    if isinstance(made, HttpTransport):
        yield Http(made)
    elif made.kind != "noop":
        yield Client(made)


def _children(configuration: Mapping[str, Any]) -> Iterator[Destination]:
    given = configuration.get("transports")
    if isinstance(given, Mapping):
        given = [{**child, "name": name} for name, child in given.items() if child]
    if not given:
        raise SettingsError("the composite OpenLineage transport has no transports; name some")
    if configuration.get("sort_transports"):
        given = sorted(given, key=lambda child: -int(child.get("priority", 0)))
    found = tuple(made for child in given for made in _expanded(child))
    if configuration.get("continue_on_success", True):
        yield from found
    else:
        yield FirstOf(found)


def _of_url(environ: Mapping[str, str]) -> dict[str, Any]:
    url, key = environ.get("OPENLINEAGE_URL"), environ.get("OPENLINEAGE_API_KEY")
    if not url:
        raise SettingsError(
            "the OpenLineage client configuration names no transport; set OPENLINEAGE_URL, or "
            "transport.type in openlineage.yml"
        )
    found: dict[str, Any] = {"type": "http", "url": url}
    if endpoint := environ.get("OPENLINEAGE_ENDPOINT"):
        found["endpoint"] = endpoint
    if key:
        found["auth"] = {"type": "api_key", "apiKey": key}
    return found


def _client() -> OpenLineageClient:
    """The client, only to read its configuration."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.noop import NoopConfig, NoopTransport
    from openlineage.client.utils import deep_merge_dicts

    class Reader(OpenLineageClient):
        """Leaves the environment of this process alone, which its other threads read."""

        def _alias_env_vars(self) -> None:
            """Set no variables: what they would say is in `_aliases`."""

        @classmethod
        def _load_config_from_env_variables(cls) -> dict[str, Any]:
            found = super()._load_config_from_env_variables() or {}
            return deep_merge_dicts(_aliases(os.environ), found)

    return Reader(transport=NoopTransport(NoopConfig()))


def _aliases(environ: Mapping[str, str]) -> dict[str, Any]:
    """What the client reads from OPENLINEAGE_URL beside a transport that is configured."""
    given = "OPENLINEAGE__TRANSPORT"
    named = f"{given}__TRANSPORTS__DEFAULT_HTTP"
    whole = {given, f"{given}__TRANSPORTS"} & environ.keys()
    if not environ.get("OPENLINEAGE_URL") or whole or any(key.startswith(named) for key in environ):
        return {}
    one = _of_url(environ)
    transport: dict[str, Any] = {"transports": {"default_http": one}}
    if environ.get(f"{given}__TYPE") == "async_http":
        transport |= {key: value for key, value in one.items() if key != "type"}
    return {"transport": transport}


@contextmanager
def _discreetly() -> Iterator[None]:
    # The client logs values that it cannot read, and its HTTP transport custom headers.
    chatty = [
        logging.getLogger(f"openlineage.client.{name}") for name in ("client", "transport.http")
    ]
    levels = [logger.level for logger in chatty]
    for logger in chatty:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(chatty, levels, strict=True):
            logger.setLevel(level)


def _filter(client: OpenLineageClient) -> Callable[[bytes], bool]:
    if not client.config.filters:
        return lambda data: True
    return lambda data: client.filter_event(_typed(data)) is not None


def _answer(response: Response, secrets: Sequence[str]) -> Answer:
    status = response.status_code
    if 200 <= status < 300:
        return TAKEN
    said = f"answered {status} {response.reason or ''}".rstrip()
    wait = _asked_to_wait(response.headers.get("Retry-After", ""))
    if status in _BUSY:
        return Answer(state="busy", reason=said, wait=wait)
    if 300 <= status < 400:
        to = urlsplit(urljoin(response.url, response.headers.get("Location", "")))
        there = without_secrets(f"{to.scheme}://{to.netloc}{to.path}")
        return Answer(state="away", reason=f"{said} (to {there}): name that")
    if status in _MISCONFIGURED:
        return Answer(state="away", reason=f"{said}: check the address and the API key", wait=wait)
    body = _without(secrets, response.text)
    said = f"{said}: {without_secrets(body)}" if body else said
    return Answer(state="refused" if status < 500 else "away", reason=said, wait=wait)


def _asked_to_wait(header: str) -> float:
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else 0.0  # nan is not


def _without(secrets: Sequence[str], text: str) -> str:
    for word in secrets:
        text = text.replace(word, "…")
    return text


def _unreachable(error: Exception, timeout: float, secrets: Sequence[str]) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return f"did not answer within {timeout:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "has no certificate that can be trusted"
    if isinstance(error, requests.ConnectionError):
        found = re.search(r"\[Errno -?\d+\] ([\w ]+)", str(error))
        return f"cannot be reached ({found[1].lower() if found else 'no connection'})"
    said = f"cannot be asked ({type(error).__name__}: {error})"
    return without_secrets(_without(secrets, said))


class _Facet(dict[str, Any]):
    """A parent facet that the Kafka transport finds its message key in."""

    @property
    def job(self) -> dict[str, str]:
        """The outermost job."""
        found: dict[str, str] = self.get("root", self)["job"]
        return found


def _typed(data: bytes) -> RunEvent:
    """A stored event as the client's own class; its facets stay as they are."""
    from openlineage.client import event_v2

    event = json.loads(data)
    run, job = event["run"], event["job"]
    facets = dict(run.get("facets") or {})
    if "parent" in facets:
        facets["parent"] = _Facet(facets["parent"])
    kind = event.get("eventType")
    return event_v2.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=event_v2.RunState[kind] if kind else None,
        run=event_v2.Run(runId=run["runId"], facets=facets),
        job=event_v2.Job(namespace=job["namespace"], name=job["name"], facets=job.get("facets")),
        inputs=_datasets(event_v2.InputDataset, event, "input"),
        outputs=_datasets(event_v2.OutputDataset, event, "output"),
    )


def _datasets(make: Callable[..., Any], event: Mapping[str, Any], which: str) -> list[Any] | None:
    given = event.get(f"{which}s")
    absent = {"facets": None, f"{which}Facets": None}  # the client's default would be empty
    return None if given is None else [make(**{**absent, **one}) for one in given]
