"""Tokens: who may ask the server for what.

A token is 256 random bits, so its BLAKE3 digest is enough to keep: a slow hash with salt
protects what people can guess, and nobody guesses these. A token is found by its digest.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from ..content.digest import digest_bytes
from ..errors import ParameterError, RefError
from ..events.build import now, shifted
from ..graph.connection import Row
from ..graph.store import Store

#: What a token may be for; `admin` is all of them.
SCOPES = ("ingest", "read", "promote", "admin")
PREFIX = "begat_"
#: What is said where there is none.
OPEN = (
    "the store has no token, so a server of it answers every program of its machine; "
    "`begat token create` makes one"
)
#: Nobody plans further ahead, and dates end.
MOST_DAYS = 36_500

_COLUMNS = "id, name, digest, scopes, created_at, expires_at, revoked_at"
_ADD = f"""INSERT INTO token ({_COLUMNS})
VALUES (:id, :name, :digest, :scopes, :created_at, :expires_at, NULL)"""
_ALL = f"SELECT {_COLUMNS} FROM token ORDER BY created_at, id"
_BY_DIGEST = f"SELECT {_COLUMNS} FROM token WHERE digest = :digest"
_BY_ID = f"SELECT {_COLUMNS} FROM token WHERE id = :id"
_ANY = "SELECT 1 FROM token LIMIT 1"
_REVOKE = "UPDATE token SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What is kept of a token; not the token."""

    id: str
    #: Whose it is, or what for.
    name: str
    scopes: tuple[str, ...]
    #: Times are ISO 8601, UTC; empty for never.
    created_at: str
    expires_at: str
    revoked_at: str

    @property
    def state(self) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now() else "active"

    def may(self, scope: str) -> bool:
        """Whether it is for this."""
        return scope in self.scopes or "admin" in self.scopes


def create(
    store: Store, name: str, scopes: Iterable[str], *, days: int | None = None
) -> tuple[Token, str]:
    """A new token, and the text that is told this once.

    Args:
        store: where its digest is kept.
        name: whose it is, or what for.
        scopes: of `SCOPES`.
        days: until it expires; None for never.

    Raises:
        ParameterError: there is no such scope, or name or days make no sense.
        StoreError: the store failed.
    """
    wanted = tuple(dict.fromkeys(scopes))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise ParameterError(f"a token's scopes are some of {', '.join(SCOPES)}; got {wanted}")
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise ParameterError(
            f"a token's name is 1 to 200 printable characters, whom or what it is for; got {name!r}"
        )
    if days is not None and not 0 < days <= MOST_DAYS:
        raise ParameterError(f"a token expires after 1 to {MOST_DAYS} days; got {days}")
    text = PREFIX + secrets.token_urlsafe(32)
    made_at = now()
    token = Token(
        id=secrets.token_hex(4),
        name=name.strip(),
        scopes=wanted,
        created_at=made_at,
        expires_at=shifted(made_at, timedelta(days=days)) if days is not None else "",
        revoked_at="",
    )
    kept = {
        "id": token.id,
        "name": token.name,
        "digest": _digest(text),
        "scopes": " ".join(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at or None,
    }
    with store.write() as db:
        db.execute(_ADD, kept)
    return token, text


def tokens(store: Store) -> list[Token]:
    """All there ever were, the oldest first.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return [_token(row) for row in db.execute(_ALL)]


def revoke(store: Store, identifier: str) -> Token:
    """Let a token be worth nothing from now on; again without harm.

    Raises:
        RefError: there is no such token.
        StoreError: the store failed.
    """
    with store.write() as db:
        db.execute(_REVOKE, {"id": identifier, "now": now()})
        row = db.execute(_BY_ID, {"id": identifier}).fetchone()
    if row is None:
        raise RefError(f"there is no token {identifier!r}; `begat token list` shows their ids")
    return _token(row)


def find(store: Store, text: str) -> Token | None:
    """The token that a text is, whatever its state.

    Raises:
        StoreError: the store failed.
    """
    digest = _digest(text)
    with store.read() as db:
        row = db.execute(_BY_DIGEST, {"digest": digest}).fetchone()
    if row is None or not hmac.compare_digest(row["digest"], digest):
        return None
    return _token(row)


def is_open(store: Store) -> bool:
    """Whether nobody has ever made a token; one that was revoked counts as made.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return db.execute(_ANY).fetchone() is None


def _digest(text: str) -> str:
    return digest_bytes(text.encode("utf-8", "surrogateescape"))


def _token(row: Row) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        scopes=tuple(row["scopes"].split()),
        created_at=row["created_at"],
        expires_at=row["expires_at"] or "",
        revoked_at=row["revoked_at"] or "",
    )
