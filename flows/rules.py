"""The rules that a pipeline has for its model: kept beside the model, followed after a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from begat.lineage.errors import BegatError, PipelineError, SettingsError, StoreError
from begat.lineage.registry import gates
from begat.lineage.registry.policy import WHERE, parse
from begat.lineage.workspace import workspace

from .report import Report

if TYPE_CHECKING:
    from begat.lineage.records import ModelVersion
    from begat.lineage.workspace import Workspace

    from .pipeline import Pipeline

log = logging.getLogger("begat")

#: What the log has of a version that was judged before.
_JUDGED = ("promote", "refuse")


def said(
    name: str, policy: object, given: object = (), serving: object = MappingProxyType({})
) -> dict[str, Any]:
    """What a pipeline says, as it is kept.

    Args:
        name: of the pipeline.
        policy: its rules by key.
        given: its gates, which may be in `policy` instead.
        serving: its serving requirements, which may be in `policy` instead.

    Raises:
        PipelineError: a rule or a gate makes no sense.
    """
    if not isinstance(policy, Mapping):
        raise PipelineError(f"policy of {name} is a mapping of rules by key; got {policy!r}")
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise PipelineError(f"gates of {name} is a list of mappings; got {given!r}")
    if not isinstance(serving, Mapping):
        raise PipelineError(
            f"serving of {name} is requirements by name, {{'latency_p99_ms': 10}}; got {serving!r}"
        )
    own = {"gates": [*given], "serving": dict(serving)}
    rules = dict(policy)
    for key, value in own.items():
        if value and key in policy:
            raise PipelineError(f"{name} has {key} twice; leave those in its policy out")
        if value:
            rules[key] = value
    where = f"the policy of {name}"
    try:
        gates.check(parse(rules, where=where), where=where)
        kept: dict[str, Any] = json.loads(json.dumps(rules, allow_nan=False))
    except SettingsError as error:
        raise PipelineError(str(error)) from None
    except (TypeError, ValueError) as error:
        raise PipelineError(f"{where} holds what JSON cannot say: {error}") from None
    return kept


def check() -> None:
    """See that the rules for every model make sense, before anything is trained.

    Raises:
        SettingsError: one does not.
    """
    gates.check(parse(workspace().settings.policy, where=WHERE), where=WHERE)


def follow(pipeline: Pipeline, report: Report) -> Report:
    """Keep what the pipeline says about its model, and promote a new version if it says so.

    A version that its gates refuse stays where it is; that is a warning, and in the log.

    Args:
        pipeline: what ran.
        report: what it came to.

    Returns:
        The report, with the stage that its version was let into.

    Raises:
        StoreError: the rules cannot be kept.
    """
    if not report.model_version:
        return report  # not registered yet: the run that does it comes here, too
    from begat.lineage.registry import policy
    from begat.lineage.registry.current import find
    from begat.lineage.registry.identity import of_process

    space = workspace()
    try:
        found = find(space, report.model_version)
        policy.save(
            space.store,
            found.version,
            said(pipeline.name, pipeline.policy, pipeline.gates, pipeline.serving),
            identity=of_process(),
        )
    except StoreError as error:
        raise StoreError(
            f"{error}; {report.model_version} is registered, and the next run keeps its policy"
        ) from error
    try:
        rules = policy.policy_of(space, found.version.model)
        if rules.promote == "staging" and found.stage == "None":
            return replace(report, promoted=_promoted(space, found.version))
    except BegatError as error:
        log.warning("%s is not promoted by itself: %s", found.version, error)
    return report


def _promoted(space: Workspace, of: ModelVersion) -> str:
    """The stage that a version was let into; empty if it was judged before."""
    from begat.lineage.registry import audit, stages
    from begat.lineage.registry.identity import POLICY

    with space.store.read() as db:
        if any(entry.action in _JUDGED for entry in audit.of_version(db, of)):
            return ""  # people have the word now
    entry = stages.promote(space, of.ref, to="Staging", identity=POLICY, reason="promote = staging")
    return entry.after if entry else ""
