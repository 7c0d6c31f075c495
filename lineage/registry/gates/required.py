"""Gate `required`: nothing leaves None without the required items, see `registry.required`.

| key | meaning |
|---|---|
| items | names of the items, instead of those that the policy requires |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import DataError, UntrustedModelError
from .. import required
from ..policy import policy_of
from . import keys
from .keys import Key
from .verdict import Candidate, Verdict

if TYPE_CHECKING:
    from ...records import ModelVersion
    from ...workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Required:
    """Refuses a version that lacks a required item, or whose model file nobody could load."""

    #: Names of the items; those of the model's policy by default.
    items: tuple[str, ...] = ()
    name: str = "required"

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict an item."""
        space, of = candidate.space, candidate.version
        policy = policy_of(space, of.model)
        names = self.items or policy.required
        if not names:
            return []
        items = required.items(space, of, policy.serving, names)
        return [
            self._verdict(item, "" if item.missing else _refused(space, of, item)) for item in items
        ]

    def _verdict(self, item: required.Item, refused: str) -> Verdict:
        return Verdict(
            gate=f"{self.name}: {item.title}",
            passed=not (item.missing or refused),
            reason=refused or "; ".join(filter(None, [item.says, item.remedy])),
        )


def gate(said: Mapping[str, Any]) -> Required:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    found = keys.read(said, _KEYS)
    return Required(**found | {"items": tuple(found.get("items", ()))})


def _refused(space: Workspace, of: ModelVersion, item: required.Item) -> str:
    """Why a model file that is there is none that would ever be loaded; empty if it would."""
    if item.name != "model":
        return ""
    from ...content import models

    try:
        models.check(space.artifacts.read(of.digest), trusted=space.settings.trusted_types)
    except (UntrustedModelError, DataError) as error:
        return str(error)
    return ""


def _are_names(value: object) -> bool:
    if not isinstance(value, (list, tuple)):
        return False
    return bool(value) and all(one in required.NAMES for one in value)


_KEYS = {"items": Key(expected=f"some of {', '.join(required.NAMES)}", sound=_are_names)}
