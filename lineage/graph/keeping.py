"""Records of their own, as rows that leave a store and come to another.

What was said once and for all must be the same in both: a version's recipe, the files of a
manifest. What changes in time (a stage, an alias) stays as it is where it is: a store knows
better than a file that was written from it before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import DataError
from .connection import Connection, stream


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A table of records."""

    table: str
    key: tuple[str, ...]
    #: Columns in which two rows of one key may not differ.
    fixed: tuple[str, ...] = ()
    #: The other columns.
    free: tuple[str, ...] = ()
    #: Columns that say which others are as good as a key: no two rows have the same of these.
    unique: tuple[str, ...] = ()
    #: What is done where a row of this key is there.
    there: str = "NOTHING"

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return self.key + self.fixed + self.free

    def rows(self, db: Connection) -> Iterator[dict[str, Any]]:
        """The rows of a store, in the order of their keys."""
        chosen, ordered = ", ".join(self.columns), ", ".join(self.key)
        for row in stream(db, f"SELECT {chosen} FROM {self.table} ORDER BY {ordered}"):
            yield dict(zip(self.columns, row, strict=True))

    def check(self, db: Connection, row: Mapping[str, Any]) -> None:
        """See that a row can come to a store.

        Raises:
            DataError: there it is another, or the row lacks something.
        """
        if row.keys() != {*self.columns}:
            odd = min(row.keys() ^ {*self.columns})
            raise DataError(f"{self.table} has columns {list(self.columns)}; mend {odd!r}")
        name = self._name(row)
        if self.fixed:
            chosen = ", ".join(self.fixed)
            found = db.execute(f"SELECT {chosen} FROM {self.table} WHERE {_are(self.key)}", row)
            for there in found.fetchall():
                for column, value in zip(self.fixed, there, strict=True):
                    if value != row[column]:
                        raise DataError(
                            f"{name} is here with another {column} ({value!s:.40}, and not "
                            f"{row[column]!s:.40}); import it into another store"
                        )
        if self.unique:
            chosen = ", ".join(self.key)
            query = f"SELECT {chosen} FROM {self.table} WHERE {_are(self.unique)}"
            for there in db.execute(query, row).fetchall():
                if tuple(there) != tuple(row[column] for column in self.key):
                    other = self._name(dict(zip(self.key, there, strict=True)))
                    raise DataError(
                        f"{name} is here as {other}, by its {self.unique[-1]}; "
                        "import it into another store"
                    )

    def add(self, db: Connection, row: Mapping[str, Any]) -> None:
        """Let a checked row come to a store."""
        columns, values = ", ".join(self.columns), ", ".join(f":{one}" for one in self.columns)
        db.execute(
            f"INSERT INTO {self.table} ({columns}) VALUES ({values}) "
            f"ON CONFLICT ({', '.join(self.key)}) DO {self.there}",
            row,
        )

    def _name(self, row: Mapping[str, Any]) -> str:
        if self.table == "model_version":
            return f"model version {row['model']}@{row['version']}"
        return f"{self.table} {' '.join(str(row[column]) for column in self.key)}"


def _are(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"{column} = :{column}" for column in columns)


#: Secrets are none of these; tokens, of which only digests are stored, go only if asked for.
TOKEN = Kept(
    table="token",
    key=("id",),
    fixed=("name", "digest", "scopes", "created_at", "expires_at"),
    free=("revoked_at",),
    unique=("digest",),
    there="UPDATE SET revoked_at = COALESCE(token.revoked_at, excluded.revoked_at)",
)
#: What belongs to a store beside events and chunks; leases and remembered plans do not.
RECORDS = (
    Kept(
        table="model",
        key=("name",),
        free=("latest", "created_at", "policy"),
        there="""UPDATE SET
        latest = CASE WHEN excluded.latest > model.latest THEN excluded.latest
            ELSE model.latest END,
        created_at = CASE WHEN excluded.created_at < model.created_at THEN excluded.created_at
            ELSE model.created_at END""",
    ),
    Kept(
        table="model_version",
        key=("model", "version"),
        fixed=(
            *("recipe", "run_id", "training_run_id", "digest"),
            *("registered_by", "created_at", "body"),
        ),
        free=("stage",),
        unique=("model", "recipe"),
    ),
    Kept(table="alias", key=("model", "name"), free=("version",)),
    Kept(
        table="audit",
        key=("seq",),
        fixed=(
            *("at", "action", "model", "version", "before", "after", "replaced", "who"),
            *("identity", "reason", "body", "previous", "hash"),
        ),
    ),
    Kept(
        table="presence",
        key=("digest",),
        free=("state", "noted_at"),
        there="""UPDATE SET state = excluded.state, noted_at = excluded.noted_at
        WHERE excluded.noted_at > presence.noted_at""",
    ),
    Kept(table="file", key=("manifest", "name"), fixed=("size", "digest")),
    Kept(table="pin", key=("digest", "ref"), free=("pinned_by", "pinned_at")),
    Kept(
        table="arrival",
        key=("namespace", "key", "identity", "name"),
        free=(
            *("partition", "version", "digest", "size", "happened", "sequencer", "removed"),
            *("told_by", "first_seen", "batch"),
        ),
        there="""UPDATE SET batch = excluded.batch
        WHERE excluded.batch <> '' AND COALESCE(arrival.batch, '') = ''""",
    ),
    Kept(
        table="batch",
        key=("id",),
        fixed=("namespace", "name"),
        free=("source", "count", "closed_at", "told_at"),
        there="UPDATE SET told_at = COALESCE(batch.told_at, excluded.told_at)",
    ),
)
