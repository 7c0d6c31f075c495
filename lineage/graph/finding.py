"""Finding things by what people remember of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import ParameterError
from . import queries, resolve
from .answer import Listing, Record, limited
from .connection import Connection
from .store import Store
from .subject import cursor

#: Where to look; facets only if they are asked for, because all of them are read.
KINDS = (
    *("dataset", "job", "model", "run", "version"),
    *("commit", "image", "package", "packages", "tag", "facet"),
)
#: How well something matches, the best first.
RANKS = ("exact", "prefix", "substring")
#: Hits of one kind that are ranked, and rows whose facets are read, the newest runs first.
HITS, ROWS = 10_000, 10_000

_NAMES = """
SELECT {columns} FROM {table} WHERE {conditions} ORDER BY {columns} LIMIT :most
"""
_RUN_IDS = """
SELECT r.uuid, COALESCE(j.name, '') FROM run r LEFT JOIN job j ON j.id = r.job
WHERE r.uuid >= :low AND r.uuid < :high ORDER BY r.uuid LIMIT :most
"""
_DIGESTS = """
SELECT v.digest, d.namespace, d.name, v.partition FROM version v JOIN dataset d ON d.id = v.dataset
WHERE v.digest >= :low AND v.digest < :high
ORDER BY v.digest, d.namespace, d.name, v.partition LIMIT :most
"""
#: By kind of holder: what it is called, and its registers.
_FACETS = {
    "run": """
        SELECT uuid, facets FROM run WHERE started_at IS NOT NULL
        ORDER BY started_at DESC, uuid DESC LIMIT :most
    """,
    "job": "SELECT namespace || ':' || name, facets FROM job ORDER BY namespace, name LIMIT :most",
    "dataset": """
        SELECT namespace || ':' || name, facets FROM dataset ORDER BY namespace, name LIMIT :most
    """,
    "output": """
        SELECT r.uuid, o.facets FROM output o JOIN run r ON r.id = o.run
        WHERE r.started_at IS NOT NULL ORDER BY r.started_at DESC, r.uuid DESC, o.facets LIMIT :most
    """,
}
_CAPITALS = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_HEX = re.compile(r"(blake3:)?[0-9a-f]{4,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit(Record):
    """Something that was found."""

    kind: ClassVar[str] = "hit"
    #: What kind of thing it is, one of `KINDS`.
    what: str
    #: A reference that other questions take.
    ref: str
    name: str
    #: What of it matched: its name, its id, its digest, or the path of a facet's value.
    matched: str
    #: exact, prefix or substring
    rank: str


def search(
    store: Store,
    words: str | Iterable[str],
    *,
    kinds: Collection[str] = KINDS[:-1],
    limit: int = 50,
    after: str | None = None,
) -> Listing:
    """Datasets, jobs, models, runs, versions, commits, images, packages and tags by name.

    All words have to be in it, in capitals or not. Exact matches come first, then what begins
    so (a name also behind a `/` or a `.`), then the rest. Runs and versions are found by a
    beginning of their id or digest.

    Args:
        store: the lineage store.
        words: what to look for, in one text or several.
        kinds: where: some of `KINDS`; everywhere but in facets if not given.
        limit: hits on a page, at most 10,000.
        after: `next` of the page before.

    Raises:
        ParameterError: there are no words, or an argument is out of its range.
        StoreError: the store failed.
    """
    text = words if isinstance(words, str) else " ".join(words)
    wanted = text.translate(_CAPITALS).split()
    if not wanted:
        raise ParameterError("there is nothing to look for; give some words")
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise ParameterError(f"{unknown[0]!r} is no kind; there are {', '.join(KINDS)}")
    limit, position = limited(limit), cursor(after)
    with store.read() as db:
        look = _Search(db, wanted)
        hits = [hit for kind in KINDS if kind in kinds for hit in look.of(kind)]
    ranked = {
        (RANKS.index(hit.rank), f"{hit.what} {hit.ref} {hit.name} {hit.matched}"): hit
        for hit in hits
    }
    keys = [key for key in sorted(ranked) if key > position]
    page = keys[:limit]
    reasons = {"size"} if look.full else set()
    if len(page) < len(ranked):
        reasons.add("page")
    return Listing(
        items=tuple(ranked[key] for key in page),
        reasons=tuple(sorted(reasons)),
        next=f"{page[-1][0]} {page[-1][1]}" if len(page) < len(keys) else None,
    )


class _Search:
    def __init__(self, db: Connection, words: list[str]) -> None:
        self._db = db
        self._words = words
        self._text = " ".join(words)
        #: There was more than is looked at.
        self.full = False

    def of(self, kind: str) -> Iterator[Hit]:
        """Hits of one kind."""
        found: dict[str, Callable[[], Iterator[Hit]]] = {
            "dataset": lambda: self._named("dataset"),
            "job": lambda: self._named("job"),
            "model": self._models,
            "run": self._runs,
            "version": self._versions,
            "facet": self._facets,
        }
        return found[kind]() if kind in found else self._traits(kind)

    def _named(self, table: str) -> Iterator[Hit]:
        for namespace, name in self._rows(table, "namespace, name", ("name", "namespace")):
            full = f"{namespace}:{name}"
            shown = queries.dataset_name(namespace, name) if table == "dataset" else full
            ref = shown if table == "dataset" else f"job:{full}"
            yield self._hit(table, ref, shown, "name", [full, name])

    def _models(self) -> Iterator[Hit]:
        for (name,) in self._rows("model", "name", ("name",)):
            yield self._hit("model", f"{name}@latest", name, "name", [name])

    def _traits(self, kind: str) -> Iterator[Hit]:
        for (value,) in self._rows("trait", "value", ("value",), f"kind = '{kind}'"):
            # A tag is asked for by its value as often as by its key.
            yield self._hit(kind, f"{kind}:{value}", value, kind, [value, *value.split("=")])

    def _runs(self) -> Iterator[Hit]:
        if resolve.RUN_ID.fullmatch(self._text):
            for uuid, job in self._limited(_RUN_IDS, self._between(self._text)):
                yield self._hit("run", f"run:{uuid}", job or uuid, "id", [uuid])

    def _versions(self) -> Iterator[Hit]:
        texts = {self._text}
        if _HEX.fullmatch(self._text):
            texts.add(f"blake3:{self._text.removeprefix('blake3:')}")
        for text in sorted(texts):
            for digest, namespace, name, partition in self._limited(_DIGESTS, self._between(text)):
                inside = f"[{partition}]" if partition else ""
                shown = f"{queries.dataset_name(namespace, name)}{inside}"
                ref = digest if digest.startswith("blake3:") else shown
                plain = digest.removeprefix("blake3:")
                yield self._hit("version", ref, shown, f"digest {digest}", [digest, plain])

    def _facets(self) -> Iterator[Hit]:
        for holder, query in _FACETS.items():
            for row in self._limited(query, {}, ROWS):
                name, text = row[0], row["facets"].translate(_CAPITALS)
                if not all(json.dumps(word)[1:-1] in text or word in text for word in self._words):
                    continue
                for path, value in _values(queries.facets_of(row), ""):
                    if self._matches(value):
                        ref = name if holder == "dataset" else f"run:{name}"
                        ref = f"job:{name}" if holder == "job" else ref
                        yield self._hit("facet", ref, name, f"{path} = {value}", [value])

    def _rows(
        self, table: str, columns: str, texts: tuple[str, ...], also: str = "1 = 1"
    ) -> list[Any]:
        conditions, given = [also], {}
        for number, word in enumerate(self._words):
            # The joint of two columns is made only for words that can only be found in it.
            places = ("namespace || ':' || name",) if ":" in word and texts[1:] else texts
            found = (f"{place} LIKE :word{number} ESCAPE '\\'" for place in places)
            conditions.append(f"({' OR '.join(found)})")
            given[f"word{number}"] = f"%{resolve.escaped(word)}%"
        query = _NAMES.format(table=table, columns=columns, conditions=" AND ".join(conditions))
        return self._limited(query, given)

    def _limited(self, query: str, given: dict[str, Any], most: int = HITS) -> list[Any]:
        rows: list[Any] = self._db.execute(query, {**given, "most": most + 1}).fetchall()
        self.full = self.full or len(rows) > most
        return rows[:most]

    def _matches(self, value: str) -> bool:
        text = value.translate(_CAPITALS)
        return all(word in text for word in self._words)

    def _hit(self, what: str, ref: str, name: str, matched: str, texts: list[str]) -> Hit:
        return Hit(what=what, ref=ref, name=name, matched=matched, rank=self._rank(texts))

    def _rank(self, texts: list[str]) -> str:
        plain = [text.translate(_CAPITALS) for text in texts]
        ends = [part for text in plain for part in _ends(text)]
        if self._text in plain or self._text in ends:
            return "exact"
        if any(text.startswith(self._text) for text in (*plain, *ends)):
            return "prefix"
        return "substring"

    @staticmethod
    def _between(text: str) -> dict[str, str]:
        return {"low": text, "high": f"{text}~"}


def _ends(text: str) -> list[str]:
    """What stands behind each `/` and `.` of a name."""
    return [text[at + 1 :] for at, sign in enumerate(text) if sign in "/."]


def _values(said: Any, path: str) -> Iterator[tuple[str, str]]:
    """Each plain value in facets, with the way to it."""
    if isinstance(said, dict):
        for key in sorted(said):
            yield from _values(said[key], f"{path}.{key}" if path else key)
    elif isinstance(said, list):
        for one in said:
            yield from _values(one, path)
    elif said is not None and not isinstance(said, bool):
        yield path, str(said)
