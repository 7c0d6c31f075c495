"""Who is answered: everybody's programs on this machine, or who has a token."""

from __future__ import annotations

from pathlib import Path

import pytest

from begat.lineage.registry import access
from support import foreign
from support.serving import LINEAGE, Served

EVENT = foreign.event(1, "COMPLETE", 1)
READ = ("/api/v2/events", "/api/v2/version", "/metrics")
OPEN = ("/healthz", "/readyz")
TOLD = ("/docs", "/openapi.json")


def statuses(served: Served, *paths: str, **headers: str) -> set[int]:
    """What some paths are answered with."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return {served.client.get(path, headers=named).status_code for path in paths}


def test_open_on_loopback(served: Served) -> None:
    """Without tokens a program on this machine may do all, also if it sends one."""
    assert statuses(served, *READ, *OPEN, *TOLD) == {200}
    assert statuses(served, *READ, Authorization="Bearer nobody") == {200}
    assert served.send(EVENT).status_code == 201


def test_never_open_elsewhere(tmp_path: Path) -> None:
    """A server that others reach answers nothing without a token, even if there is none."""
    with Served(tmp_path, loopback=False).running() as served:
        assert statuses(served, *READ, *TOLD) == {401}
        assert statuses(served, *OPEN) == {200}
        assert served.send(EVENT).status_code == 401


def test_a_token_closes_it(served: Served) -> None:
    """Once there is a token every request needs one, but those about the process itself."""
    headers = served.token("admin")
    answer = served.client.get("/api/v2/events")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "begat token create" in answer.json()["detail"]
    assert statuses(served, *READ) == {401}
    assert served.send(EVENT).status_code == 401
    assert statuses(served, *OPEN, *TOLD) == {200}
    assert statuses(served, *READ, **headers) == {200}
    assert served.send(EVENT, **headers).status_code == 201


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer begat_x", "Basic YTpi", "begat_x", "Bearer é"]
)
def test_bad_tokens(served: Served, given: str) -> None:
    """Whatever is no token of this server's is 401."""
    served.token("admin")

    headers = {"Authorization": given.encode()}
    assert served.client.get("/api/v2/events", headers=headers).status_code == 401


def test_scopes(served: Served) -> None:
    """A token does what it is for, and is told what it lacks."""
    ingest, read, promote = (served.token(scope) for scope in ("ingest", "read", "promote"))
    refused = served.client.get("/api/v2/events", headers=ingest)

    assert refused.status_code == 403
    assert "scope read" in refused.json()["detail"]
    assert served.send(EVENT, **ingest).status_code == 201
    assert served.send(EVENT, **read).status_code == 403
    assert served.send(EVENT, **promote).status_code == 403
    assert statuses(served, *READ, **read) == {200}
    assert statuses(served, *READ, **promote) == {403}


def test_revoked_at_once(served: Served) -> None:
    """A revoked token is worth nothing from the next request on."""
    headers = served.token("admin")
    assert statuses(served, *READ, **headers) == {200}
    with served.store() as store:
        access.revoke(store, access.tokens(store)[0].id)
    answer = served.client.get("/metrics", headers=headers)

    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


def test_a_refused_body_is_not_read(served: Served) -> None:
    """Who may not send is told so before anything that was sent is looked at."""
    served.token("admin")

    assert served.send(b"nonsense").status_code == 401


@pytest.mark.parametrize("host", ["example.com", "example.com:8080", "127.0.0.1.example.com", "["])
def test_rebound_names(served: Served, host: str) -> None:
    """Without tokens a name that is not this machine's own is refused: pages rebind names."""
    assert statuses(served, *READ, *TOLD, Host=host) == {403}
    assert served.send(EVENT, Host=host).status_code == 403


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_behind_a_proxy(served: Served, header: str) -> None:
    """Without tokens nothing is answered that came through a proxy, which may let in anybody."""
    about: dict[str, str] = {"Host": "127.0.0.1", header: "198.51.100.7"}

    assert statuses(served, *READ, *TOLD, **about) == {403}
    assert served.send(EVENT, **about).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "127.0.0.1", "[::1]:8080"])
def test_own_names(served: Served, host: str) -> None:
    """All names of this machine's own are answered."""
    assert statuses(served, *READ, Host=host) == {200}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://example.com"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
    ],
)
def test_pages_of_other_sites(served: Served, headers: dict[str, str], status: int) -> None:
    """Without tokens what a page of another site makes a browser send is refused."""
    assert served.send(EVENT, LINEAGE, **headers).status_code == status
