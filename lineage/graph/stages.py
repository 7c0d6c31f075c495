"""Which version was in which stage, and had which alias: what the audit log comes to.

The registry's rows say the same of now, so that they can be asked quickly; `audit verify`
compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .connection import Connection, Row

#: Stages of a model version; the first is that of a new one.
STAGES = ("None", "Staging", "Production", "Archived")

_ROWS = "SELECT action, model, version, before, after, replaced, body FROM audit ORDER BY seq"


def named(stage: str) -> str:
    """A stage as sentences name it."""
    return "no stage" if stage == STAGES[0] else stage


def called(text: str) -> str:
    """The stage that somebody means, in whichever case they write it; the text where none is.

    >>> called("staging"), called("blue")
    ('Staging', 'blue')
    """
    return next((stage for stage in STAGES if stage.casefold() == text.casefold()), text)


@dataclass(kw_only=True, slots=True)
class Standing:
    """Stages other than None, and aliases, by model."""

    stages: dict[tuple[str, int], str] = field(default_factory=dict)
    aliases: dict[tuple[str, str], int] = field(default_factory=dict)


def moves(row: Row) -> Iterator[tuple[int, str, str]]:
    """The versions whose stage a row of the log changed: number, before, after."""
    if row["after"]:
        yield row["version"], row["before"], row["after"]
    if row["replaced"] is not None:
        # What a rollback takes back is no candidate any more; else it is kept warm.
        yield (
            row["replaced"],
            "Production",
            "Archived" if row["action"] == "rollback" else "Staging",
        )


def standing(rows: Iterable[Row]) -> Standing:
    """What rows of the audit log, in their order, come to."""
    found = Standing()
    for row in rows:
        for version, _, after in moves(row):
            found.stages.pop((row["model"], version), None)
            if after != STAGES[0]:
                found.stages[row["model"], version] = after
        if row["action"] == "alias":
            alias = json.loads(row["body"])["alias"]
            found.aliases.pop((row["model"], alias), None)
            if row["version"] is not None:
                found.aliases[row["model"], alias] = row["version"]
    return found


def settle(db: Connection) -> None:
    """Let the registry's rows say what the log comes to, as after rows were imported."""
    found = standing(db.execute(_ROWS).fetchall())
    # All leave first: two versions of a model may never be in Production at once.
    db.execute("UPDATE model_version SET stage = 'None' WHERE stage <> 'None'", {})
    for (model, version), stage in found.stages.items():
        db.execute(
            "UPDATE model_version SET stage = :stage WHERE model = :model AND version = :version",
            {"stage": stage, "model": model, "version": version},
        )
    db.execute("DELETE FROM alias", {})
    for (model, name), version in found.aliases.items():
        db.execute(
            "INSERT INTO alias (model, name, version) VALUES (:model, :name, :version)",
            {"model": model, "name": name, "version": version},
        )
