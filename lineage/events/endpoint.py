"""Sending many events to one OpenLineage endpoint, as it takes them: in batches, or one by one."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import EventError, ParameterError, SettingsError, WorldError
from .canonical import parse

if TYPE_CHECKING:
    from requests import Response

_PATH = "/api/v1/lineage"
#: Seconds for one answer.
_ANSWER = 60.0
#: What an endpoint says that has no batches.
_NO_BATCHES = {404, 405, 501}
#: Not now, whatever the event is.
_BUSY = {408, 425, 429, 502, 503, 504}
_LONGEST_PAUSE = 10.0
#: How often an event is sent that the endpoint fails over.
_TRIES = 3


class Endpoint:
    """An OpenLineage backend behind HTTP.

    Args:
        url: of the server, or of its `…/api/v1/lineage`.
        token: sent as a bearer token, unless it is empty.
        patience: seconds to go on trying while it takes nothing.

    Raises:
        ParameterError: that is no URL of HTTP.
    """

    def __init__(self, url: str, *, token: str = "", patience: float = 30.0) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ParameterError(f"--url is http://host:port or https://host; got {url!r}")
        import requests

        self._requests = requests
        url = url.rstrip("/")
        self._url = url if url.endswith(_PATH) else url + _PATH
        self._patience = patience
        self._session = requests.Session()
        self._session.headers["Content-Type"] = "application/json"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._batches = True

    def close(self) -> None:
        """Give back its connections."""
        self._session.close()

    def send(self, texts: Sequence[bytes]) -> list[tuple[int, str]]:
        """Send the JSON texts of some events.

        Returns:
            Which of them were refused, from 0, and why; the others were taken.

        Raises:
            SettingsError: it is not for us, or no OpenLineage endpoint.
            WorldError: it takes nothing; some of these may have been taken.
        """
        refused: dict[int, str] = {}
        good: list[int] = []
        for index, text in enumerate(texts):
            try:
                parse(text)  # one that is no JSON would spoil its batch
            except EventError as error:
                refused[index] = str(error)
            else:
                good.append(index)
        refused.update(self._send(texts, good))
        return sorted(refused.items())

    def _send(self, texts: Sequence[bytes], which: Sequence[int]) -> Iterator[tuple[int, str]]:
        if not which:
            return
        if self._batches and len(which) > 1:
            body = b"[" + b",".join(texts[index] for index in which) + b"]"
            answer = self._post(f"{self._url}/batch", body)
            if answer.ok:
                yield from self._failed(answer, texts, which)
                return
            self._batches = answer.status_code not in _NO_BATCHES
        if not self._batches or len(which) == 1:
            for index in which:
                yield from self._send_one(index, texts[index])
            return
        # It refuses the whole for something in it: find out for what.
        half = len(which) // 2
        yield from self._send(texts, which[:half])
        yield from self._send(texts, which[half:])

    def _send_one(self, index: int, text: bytes) -> Iterator[tuple[int, str]]:
        answer = self._post(self._url, text)
        if answer.status_code in _NO_BATCHES:
            raise SettingsError(
                f"{self._url} is no OpenLineage endpoint (HTTP {answer.status_code}); mend --url"
            )
        if not answer.ok:
            yield index, _says(answer)

    def _failed(
        self, answer: Response, texts: Sequence[bytes], which: Sequence[int]
    ) -> Iterator[tuple[int, str]]:
        """What the endpoint did not take of a batch; what it may take later is sent again."""
        for failed in _failures(answer):
            index = failed.get("index")
            if not isinstance(index, int) or not 0 <= index < len(which):
                continue
            if failed.get("retriable") is True:
                yield from self._send_one(which[index], texts[which[index]])
            else:
                yield which[index], str(failed.get("reason") or "refused without a reason")

    def _post(self, url: str, body: bytes) -> Response:
        """The endpoint's answer, once it has one that is about these events."""
        packed = gzip.compress(body, 1) if len(body) > 1000 else body
        headers = {"Content-Encoding": "gzip"} if packed is not body else {}
        until = time.monotonic() + self._patience
        pause, failures = 0.5, 0
        while True:
            wait = pause
            try:
                answer = self._session.post(
                    url, data=packed, headers=headers, timeout=_ANSWER, allow_redirects=False
                )
            except self._requests.RequestException as error:
                reason = f"cannot be reached ({type(error).__name__})"
            else:
                _check(url, answer)
                failures += answer.status_code >= 500
                busy = answer.status_code in _BUSY
                if not busy and (answer.status_code < 500 or failures >= _TRIES):
                    return answer
                reason = f"takes nothing now ({_says(answer)})"
                with suppress(ValueError):
                    wait = float(answer.headers.get("Retry-After", wait))
            if time.monotonic() + wait > until:
                raise WorldError(
                    f"{url} {reason}; run the same again later: what it has taken stays"
                )
            time.sleep(wait)  # as long as it is to be left alone
            pause = min(2 * pause, _LONGEST_PAUSE)


def _check(url: str, answer: Response) -> None:
    if answer.status_code in (401, 403, 407):
        raise SettingsError(f"{url} wants another token ({_says(answer)}); give it with --token")
    if 300 <= answer.status_code < 400:
        where = answer.headers.get("Location", "elsewhere")
        raise SettingsError(f"{url} is at {where} now; give --url so")


def _failures(answer: Response) -> list[dict[str, Any]]:
    """What a batch's answer lists as failed."""
    try:
        found = json.loads(answer.content or b"{}")
    except ValueError:
        return []
    failed = found.get("failed_events") if isinstance(found, dict) else None
    return [one for one in failed if isinstance(one, dict)] if isinstance(failed, list) else []


def _says(answer: Response) -> str:
    """An answer in one line."""
    said = " ".join(answer.text[:300].split())
    return f"HTTP {answer.status_code}{': ' if said else ''}{said}"
