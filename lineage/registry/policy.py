"""What a model version has to be before it may change its stage: data that people wrote down.

| key | meaning | default |
|---|---|---|
| gates | what is judged, each a mapping with `gate`, its kind | none |
| required | the items without which no version leaves None | all |
| sign_off | who approves for Production: `other` than the author, `anyone`, `none` | anyone |
| stable_hours | how long a version is in Production before the last one is archived | 48 |
| retain_days | how long the files of an archived version are kept, at least | 30 |
| keep_versions | how many of the newest versions are kept in any case | 10 |
| on_violation | rows that a signature refuses: `raise`, `warn` or `null` | raise |
| promote | `manual`, or `staging`: a new version that passes goes there by itself | manual |
| rollback_on | gates whose reported failure puts the last version back in Production | none |
| serving | what serving it takes: `latency_p99_ms`, `memory_mb`, … | nothing |

What a pipeline says of its model wins over `[tool.begat.policy]`, key by key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..errors import SettingsError
from ..graph.store import Store
from ..records import ModelVersion
from ..workspace import Workspace
from . import audit
from .identity import Identity
from .required import NAMES
from .serving import Serving

#: What errors call the rules for every model.
WHERE = "[tool.begat.policy] in pyproject.toml"

_POLICY = "SELECT policy FROM model WHERE name = :model"
_SAVE = """
UPDATE model SET policy = :policy WHERE name = :model AND COALESCE(policy, '') <> :policy
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The rules for one model; see the module."""

    gates: tuple[Mapping[str, Any], ...] = ()
    required: tuple[str, ...] = NAMES
    sign_off: Literal["other", "anyone", "none"] = "anyone"
    stable_hours: float = 48.0
    retain_days: float = 30.0
    keep_versions: int = 10
    on_violation: Literal["raise", "warn", "null"] = "raise"
    promote: Literal["manual", "staging"] = "manual"
    rollback_on: tuple[str, ...] = ()
    serving: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All of it, JSON-safe."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}


def policy_of(space: Workspace, model: str) -> Policy:
    """The rules in force for a model.

    Args:
        space: whose settings have the rules for every model, and whose store its pipeline's own.
        model: its name.

    Raises:
        SettingsError: a rule makes no sense.
        StoreError: the store failed.
    """
    said, for_all = own(space.store, model), space.settings.policy
    # Each by itself, so that an error names where it is to be mended.
    parse(for_all, where=WHERE)
    parse(said, where=f"the policy of {model}")
    return Policy(**{key: _frozen(value) for key, value in {**for_all, **said}.items()})


def own(store: Store, model: str) -> dict[str, Any]:
    """What a model's pipeline says; empty if nothing.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        row = db.execute(_POLICY, {"model": model}).fetchone()
    found: dict[str, Any] = json.loads(row["policy"]) if row and row["policy"] else {}
    return found


def save(store: Store, of: ModelVersion, said: Mapping[str, Any], *, identity: Identity) -> None:
    """Keep what a model's pipeline says, if it is not what is kept; the log has both.

    Args:
        store: where the registry is.
        of: a version of the model.
        said: by key.
        identity: whose run says it.

    Raises:
        SettingsError: a rule makes no sense.
        StoreError: the store failed.
    """
    parse(said, where=f"the policy of {of.model}")
    text = json.dumps(said, sort_keys=True, allow_nan=False) if said else ""
    now = json.loads(text or "{}")
    if own(store, of.model) == now:
        return
    with store.write() as db:
        was = own(store, of.model)
        if db.execute(_SAVE, {"model": of.model, "policy": text}).rowcount != 1:
            return  # another run has just said the same
        # It may let in what the rules for every model would not.
        audit.append(
            store,
            db,
            action="policy",
            model=of.model,
            identity=identity,
            body={"was": was, "policy": now},
        )


def parse(said: Mapping[str, Any], *, where: str) -> Policy:
    """Rules as they are written.

    Args:
        said: by key.
        where: what is named in errors, such as `WHERE`.

    Raises:
        SettingsError: a key is unknown, or its value makes no sense.
    """
    if unknown := sorted(set(said) - set(_CHECKS)):
        raise SettingsError(f"{where} has no key {unknown[0]!r}; it knows {', '.join(_CHECKS)}")
    for key, value in said.items():
        expected, sound = _CHECKS[key]
        if not sound(value):
            raise SettingsError(f"{key} in {where} is {expected}; got {value!r}")
    try:
        Serving.of(said.get("serving", {}))
    except SettingsError as error:
        raise SettingsError(f"{error}; see serving in {where}") from None
    return Policy(**{key: _frozen(value) for key, value in said.items()})


def _names(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


def _one_of(*known: str) -> tuple[str, Callable[[object], bool]]:
    return f"one of {', '.join(known)}", lambda value: value in known


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e6


def _gates(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(one, Mapping) and isinstance(one.get("gate"), str) for one in value
    )


_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "gates": ("a list of tables, each with `gate`, its kind", _gates),
    "required": (
        f"a list of some of {', '.join(NAMES)}",
        lambda value: _names(value) and set(value) <= set(NAMES),
    ),
    "sign_off": _one_of("other", "anyone", "none"),
    "stable_hours": ("a number of hours, 0 or more", _number),
    "retain_days": ("a number of days, 0 or more", _number),
    "keep_versions": (
        "a whole number, 0 or more",
        lambda value: _number(value) and isinstance(value, int),
    ),
    "on_violation": _one_of("raise", "warn", "null"),
    "promote": _one_of("manual", "staging"),
    "rollback_on": ("a list of names of gates", _names),
    "serving": ("a table", lambda value: isinstance(value, Mapping)),
}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
