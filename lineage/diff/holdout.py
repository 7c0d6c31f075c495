"""Whether both sides were evaluated on the same rows, with the same truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..graph import nodes, queries
from ..graph.connection import Connection, Row
from . import walk
from .pairing import PRODUCTS, name_of
from .reading import Reader
from .sides import Side, facets_of
from .walk import Start

_HOLDOUT = """
SELECT node FROM reading WHERE run = :run AND argument = 'holdout'
"""
_ROOT = "SELECT content_root, partitions FROM snapshot WHERE id = :id"
_ARGUMENTS = """
SELECT node, argument FROM reading
WHERE node IN (SELECT CAST(value AS BIGINT) FROM json_each(:nodes))
"""
#: What decides which rows of the partitions are held out, and what is true of them.
_SPLIT = ("holdout_fraction", "target")
#: Partitions whose labels are compared, at the most.
LABELS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What one side was evaluated on."""

    node: int | None = None
    root: str = ""
    partitions: int = 0
    #: target, fraction, and seed where there is a fraction.
    split: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, db: Connection, side: Side) -> Held:
        """The holdout of a side; empty if it was not evaluated."""
        found = db.execute(_HOLDOUT, {"run": side.evaluation}).fetchone()
        if found is None:
            return cls()
        given = facets_of(db, side.evaluation).get("begat_recipe", {}).get("parameters", {})
        split = {name: given.get(name) for name in _SPLIT}
        if split["holdout_fraction"] is not None:
            split["seed"] = given.get("seed")
        snapshot = db.execute(_ROOT, {"id": found["node"] // 4}).fetchone()
        return cls(
            node=found["node"],
            root=snapshot["content_root"] if snapshot else "",
            partitions=snapshot["partitions"] if snapshot else 1,
            split=split,
        )

    def to_json(self) -> dict[str, Any]:
        """What it is."""
        return {"partitions": self.partitions, "root": self.root, **self.split}


def holdout(
    db: Connection, old: Side, new: Side, raw: Mapping[str, Any], reader: Reader
) -> dict[str, Any]:
    """Whether the holdout is the same.

    Args:
        db: the store.
        old: one side.
        new: the other.
        raw: the raw partitions that differ, as `data.raw_entries` gives them.
        reader: reads the labels.

    Returns:
        `same` (None if it cannot be told), `why`, `old` and `new`; `partitions {added, removed,
        changed}` of the featurized holdout; and `moved`, raw partitions that both sides have
        for another purpose, with `role {old, new}`.
    """
    held = Held.of(db, old), Held.of(db, new)
    found: dict[str, Any] = {
        "same": None,
        "why": "",
        "old": held[0].to_json(),
        "new": held[1].to_json(),
        "partitions": {"added": [], "removed": [], "changed": []},
        "moved": _moved(db, old, new),
    }
    if held[0].node is None or held[1].node is None:
        return found | {"why": "not both were evaluated on a holdout that is known"}
    rows = _rows(db, held[0].node, held[1].node)
    first, second = ({row["partition"]: row for row in side} for side in rows)
    found["partitions"] = {
        "added": sorted({*second} - {*first}),
        "removed": sorted({*first} - {*second}),
        "changed": sorted(
            key for key in {*first} & {*second} if first[key]["digest"] != second[key]["digest"]
        ),
    }
    same, why = _judged(held, found["partitions"], raw)
    if same is None:
        changed = [(first[key], second[key]) for key in found["partitions"]["changed"]]
        same, why = _labels(changed, str(held[1].split.get("target")), reader)
    return found | {"same": same, "why": why}


def _judged(
    held: tuple[Held, Held], partitions: Mapping[str, list[str]], raw: Mapping[str, Any]
) -> tuple[bool | None, str]:
    """Whether it is the same, as far as names and digests tell."""
    old, new = held
    if old.split.get("target") != new.split.get("target"):
        return False, f"the target is {new.split.get('target')}, was {old.split.get('target')}"
    if old.split != new.split:
        return False, f"the rows held out are chosen otherwise: {_split(old)}, now {_split(new)}"
    if old.root == new.root:
        return True, "the same rows, byte for byte"
    if partitions["added"] or partitions["removed"]:
        now = [f"{_few(partitions['added'])} came in"] if partitions["added"] else []
        gone = [f"{_few(partitions['removed'])} went out"] if partitions["removed"] else []
        return False, " and ".join([*now, *gone])
    other = [
        entry["partition"]
        for entry in raw["changed"]
        if "holdout" in (entry["role"], entry["role_before"])
        or "both" in (entry["role"], entry["role_before"])
    ]
    if other:
        return False, f"the held-out data itself changed in {_few(other)}"
    return None, ""


def _labels(changed: list[tuple[Row, Row]], target: str, reader: Reader) -> tuple[bool | None, str]:
    """Whether the truth is the same where the features of the same rows differ."""
    import numpy as np

    from ..errors import ArtifactError, DataError
    from .tables import Plain

    for old, new in changed[:LABELS]:
        if gone := reader.gone(old, new):
            return None, f"its features changed, and {gone}"
        try:
            before, after = (reader.table(row)[[target]] for row in (old, new))
        except (ArtifactError, DataError, KeyError) as error:
            return None, f"its features changed, and their labels cannot be read: {error}"
        if len(before) != len(after):
            return False, f"{name_of(new)} has {len(after):,} rows, had {len(before):,}"
        places = np.arange(len(after))
        if differ := int(Plain.of(before, after, [target]).differ(target, places, places).sum()):
            return False, (
                f"{target} is another in {differ:,} of {len(after):,} rows of {name_of(new)}"
            )
    some = "" if len(changed) <= LABELS else f" (looked at in {LABELS} partitions)"
    return True, f"the same rows and labels, with other features{some}"


def _rows(db: Connection, old: int, new: int) -> list[list[Row]]:
    """Products of both snapshots; of chunks that both have, none."""
    parents: dict[int, list[int]] = {}
    layers = [{old}, {new}]
    products: list[set[int]] = [set(), set()]
    while any(layers):
        met = layers[0] & layers[1]
        layers = [layer - met for layer in layers]
        walk.load(db, parents, layers[0] | layers[1])
        for at, layer in enumerate(layers):
            products[at] |= {node for node in layer if node % 4 == nodes.PRODUCT}
        layers = [
            {p for node in layer if node % 4 != nodes.PRODUCT for p in parents[node]}
            for layer in layers
        ]
    return [
        db.execute(PRODUCTS, {"products": json.dumps([node // 4 for node in side])}).fetchall()
        for side in products
    ]


def _moved(db: Connection, old: Side, new: Side) -> list[dict[str, Any]]:
    """Raw partitions that both sides stand on, one to train and the other to evaluate."""
    if not (old.training and new.training):
        return []
    train = walk.differing(db, old.trained, new.trained)
    held = walk.differing(db, old.held, new.held)
    asked = {n for n in train.old | train.new | held.old | held.new if n % 4 == nodes.PRODUCT}
    rows = db.execute(PRODUCTS, {"products": json.dumps([node // 4 for node in asked])})
    by_node = {nodes.product(row["id"]): row for row in rows if not row["run"]}
    for node in _lookups(db, by_node):
        del by_node[node]
    both = walk.behind(db, by_node, old.start) & walk.behind(db, by_node, new.start)
    found = []
    for node in both:
        row = by_node[node]
        # A side trained on it unless the other alone did: it has it for one thing at least.
        roles = {
            "old": _role(trained=node not in train.new, held=node not in held.new),
            "new": _role(trained=node not in train.old, held=node not in held.old),
        }
        found.append(
            {
                "dataset": queries.dataset_name(row["namespace"], row["name"]),
                "partition": row["partition"],
                "digest": row["digest"],
                "role": roles,
            }
        )
    return sorted(found, key=lambda entry: (entry["dataset"], entry["partition"]))


def _role(*, trained: bool, held: bool) -> str:
    return "both" if trained and held else "train" if trained else "holdout"


def _lookups(db: Connection, found: Iterable[int]) -> set[int]:
    return {
        node
        for node, argument in db.execute(_ARGUMENTS, {"nodes": json.dumps(sorted(found))})
        if argument.partition(".")[0].partition("[")[0] == "lookups"
    }


def _split(held: Held) -> str:
    fraction = held.split.get("holdout_fraction")
    if fraction is None:
        return "whole partitions"
    return f"a share of {fraction} with seed {held.split.get('seed')}"


def _few(names: list[str]) -> str:
    shown = ", ".join(name or "all of it" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def trained_on(db: Connection, held: Side, model: Side) -> bool:
    """Whether a model was trained on raw partitions that another side holds out as wholes."""
    given = Held.of(db, held), Held.of(db, model)
    if any(one.split.get("holdout_fraction") is not None for one in given):
        # The same seed and share hold out the same rows for ever; any other may not.
        return given[0].split != given[1].split
    start = Start(nodes=held.held.nodes, without=held.held.without)
    reached = {node for node in walk.everything(db, start) if node % 4 == nodes.PRODUCT}
    rows = db.execute(PRODUCTS, {"products": json.dumps([node // 4 for node in reached])})
    raw = {nodes.product(row["id"]) for row in rows if not row["run"]}
    raw -= _lookups(db, raw)
    return bool(walk.behind(db, raw, model.trained))
