"""What runs can be found by: their commit, image, set of packages, and tags."""

from __future__ import annotations

from collections.abc import Iterator

from . import registers
from .registers import Body, Registers
from .rows import Rows
from .shapes import is_short

#: The facets that traits come from.
TRAITS = frozenset({"begat_image", "begat_packages", "job.sourceCodeLocation", "job.tags", "tags"})


class Traits:
    """Keeps the traits of runs, inside one transaction."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def settle(self, run: int, facets: Registers, *, new: bool) -> None:
        """Let a run have the traits that its facets say.

        Args:
            run: its id.
            facets: all that is known of it.
            new: whether it has none yet.
        """
        said = {
            self._rows.id("trait", kind=kind, value=value)
            for kind, value in _said(facets)
            if is_short(value)
        }
        there = set() if new else {row[0] for row in self._rows.all("traits_of", run=run)}
        for trait in there - said:
            self._rows.do("drop_run_trait", trait=trait, run=run)
        for trait in said - there:
            self._rows.later("add_run_trait", trait=trait, run=run)

    def unpack(self, body: Body) -> None:
        """Keep which packages are in a set, once for all events that say the same of it."""
        said = body.said or {}
        packages = said.get("distributions")
        if not isinstance(packages, dict) or not said.get("digest"):
            return
        if not is_short(str(said["digest"])):
            return
        whole = self._rows.id("trait", kind="packages", value=str(said["digest"]))
        known = ("unpacked", whole, hash(body.text))
        if known in self._rows.known.ids:
            return
        for package in filter(is_short, (f"{name}=={one}" for name, one in packages.items())):
            part = self._rows.id("trait", kind="package", value=package)
            self._rows.later("add_trait_part", part=part, whole=whole)
        self._rows.known.ids[known] = whole


def _said(facets: Registers) -> Iterator[tuple[str, str]]:
    for key, kind, name in (
        ("job.sourceCodeLocation", "commit", "version"),
        ("begat_image", "image", "digest"),
        ("begat_packages", "packages", "digest"),
    ):
        if key in facets and (value := (registers.said(facets, key) or {}).get(name)):
            yield kind, str(value)
    for key in ("tags", "job.tags"):
        if key in facets:
            for tag in (registers.said(facets, key) or {}).get("tags") or ():
                if isinstance(tag, dict) and tag.get("key"):
                    yield "tag", f"{tag['key']}={tag.get('value', '')}"
