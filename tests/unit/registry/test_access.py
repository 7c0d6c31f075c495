"""Tokens: kept as digests, worth what they are for as long as they are worth it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from begat.lineage.errors import ParameterError, RefError
from begat.lineage.graph.store import Store
from begat.lineage.registry import access
from begat.lineage.registry.access import SCOPES


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store.open(f"sqlite:///{tmp_path / 'begat.db'}")) as one:
        yield one


def test_only_the_digest_is_kept(store: Store) -> None:
    """Nothing in the store tells what a token is, and no two are the same."""
    texts = {access.create(store, "ci", ["ingest"])[1] for _ in range(20)}
    with store.read() as db:
        kept = "".join(str(value) for row in db.execute("SELECT * FROM token") for value in row)

    assert len(texts) == 20
    for text in texts:
        assert re.fullmatch(r"begat_[\w-]{43}", text)  # 256 bits
        assert text not in kept
        assert text.removeprefix("begat_") not in kept


def test_a_token_is_found_by_its_text(store: Store) -> None:
    """A token is found by all of its text and by nothing less."""
    made, text = access.create(store, "ci", ["ingest"])

    assert access.find(store, text) == made
    for other in (text[:-1], text.upper(), f"{text} ", "", made.id, "begat_\udcff"):
        assert access.find(store, other) is None


@pytest.mark.parametrize("scope", SCOPES)
def test_scopes(store: Store, scope: str) -> None:
    """A token is for its own scopes only; admin is all of them."""
    made, _ = access.create(store, "someone", [scope])

    assert {one for one in SCOPES if made.may(one)} == (
        set(SCOPES) if scope == "admin" else {scope}
    )


def test_expiry(store: Store) -> None:
    """A token that expires is active until then, and one that does not is for ever."""
    made, _ = access.create(store, "a", ["read"], days=1)
    for_ever, _ = access.create(store, "b", ["read"])
    with store.write() as db:
        db.execute("UPDATE token SET expires_at = created_at WHERE id = :id", {"id": made.id})

    assert made.state == "active"
    assert [token.state for token in access.tokens(store)] == ["expired", "active"]
    assert for_ever.expires_at == ""


def test_revoking(store: Store) -> None:
    """A revoked token stays so, its time with it; an unknown one is an error that says so."""
    made, _ = access.create(store, "a", ["read"])
    once = access.revoke(store, made.id)

    assert once.state == "revoked"
    assert access.revoke(store, made.id) == once
    with pytest.raises(RefError, match="begat token list"):
        access.revoke(store, "nobody")


def test_a_revoked_token_closes_the_server_all_the_same(store: Store) -> None:
    """A store is open only while no token was made: to revoke the last one opens nothing."""
    assert access.is_open(store)
    made, _ = access.create(store, "a", ["read"])
    access.revoke(store, made.id)
    assert not access.is_open(store)


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", ["read"], None),
        ("a\n", ["read"], None),
        ("x" * 201, ["read"], None),
        ("a", [], None),
        ("a", ["write"], None),
        ("a", ["read"], 0),
        ("a", ["read"], -1),
        ("a", ["read"], 10**9),
    ],
)
def test_what_makes_no_sense(store: Store, name: str, scopes: list[str], days: int | None) -> None:
    """Names, scopes and days that make no sense are refused, and nothing is made."""
    with pytest.raises(ParameterError):
        access.create(store, name, scopes, days=days)
    assert access.tokens(store) == []
