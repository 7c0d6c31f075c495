"""Who may ask for what: tokens where there are some, else only programs on this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ..registry import access

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token of `begat token create`; none is needed on loopback while there are none",
)
Given = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
#: Headers that only a proxy sends, which may let in anybody.
_PROXIED = (
    *("forwarded", "via", "x-real-ip"),
    *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"),
)
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="begat"'}


def needs(scope: str) -> Callable[[Request, Given], None]:
    """A dependency: the request has a token for this, or needs none."""

    def check(request: Request, given: Given) -> None:
        with request.app.state.stores.reading() as store:
            if access.is_open(store):
                _alone(request)
                return
            token = access.find(store, given.credentials) if given else None
        if token is None or token.state != "active":
            reason = f"this token is {token.state}" if token else "it has no token known here"
            raise HTTPException(
                401,
                f"{request.url.path} needs a token for {scope}, and {reason}; ask for one of "
                f"`begat token create NAME --scope {scope}` and send it as Authorization: Bearer",
                _CHALLENGE,
            )
        if not token.may(scope):
            raise HTTPException(
                403,
                f"{request.url.path} needs the scope {scope}, and token {token.id} has "
                f"{', '.join(token.scopes)}; ask for one that has it",
            )

    return check


def same_site(request: Request) -> None:
    """A dependency: where no tokens protect the server, other sites get nothing."""
    with request.app.state.stores.reading() as store:
        if access.is_open(store):
            _alone(request)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.com")]
    [True, True, True, False, False]
    """
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _alone(request: Request) -> None:
    """Refuse what a page of another site may have made a browser of this machine ask."""
    if not request.app.state.loopback:
        raise HTTPException(
            401, "there is no token here yet; make one with `begat token create`", _CHALLENGE
        )
    if proxied := [name for name in _PROXIED if name in request.headers]:
        raise HTTPException(
            403,
            f"without tokens only this machine is answered, and {proxied[0]} says that this comes "
            "through a proxy; make a token with `begat token create`",
        )
    host = _host_of(f"//{request.headers.get('host', '')}")
    if not is_loopback(host):
        raise HTTPException(
            403,
            f"without tokens only this machine is answered, and the host asked for is {host!r}; "
            "ask for localhost, or make a token with `begat token create`",
        )
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") or (
        origin and _authority(origin) != request.headers.get("host", "").lower()
    ):
        raise HTTPException(
            403,
            "without tokens no web page of another site is answered; make a token with "
            "`begat token create` and send it",
        )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
