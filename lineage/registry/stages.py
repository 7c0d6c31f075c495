"""Moving model versions through their stages.

    None ──promote──▶ Staging ──promote──▶ Production ──▶ Staging ──▶ Archived
                         ▲                                   replaced    once the new one
                         └──────────promote──────────────┘              is stable

One version of a model is in Production at most. Each act is one transaction: the stages, a row
of the audit log, and the event that tells of it. What a gate needs to be judged takes its time,
so it is judged before; that nothing has moved since is checked in the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from ..errors import ArtifactError, GateError, ParameterError, RefusedError
from ..events import now, shifted
from ..graph.connection import Connection
from ..graph.stages import called, named
from ..records import ModelVersion
from ..workspace import Workspace
from . import audit, files, sign_off
from .audit import Entry
from .current import Version, check_model, find
from .current import models as all_models
from .current import production as production_of
from .current import version as version_of
from .gates import Candidate, Verdict, judge
from .history import History, history
from .identity import POLICY, Identity
from .policy import Policy, policy_of

#: Judges a version, as its model's policy says, for the stage it is to go to.
Judge = Callable[[Candidate, Policy], Sequence[Verdict]]

# Only from the stage that it was judged in.
_MOVE = """
UPDATE model_version SET stage = :after
WHERE model = :model AND version = :version AND stage = :before
"""
# Replaced since they were moved themselves.
_WAITING = """
SELECT v.version FROM model_version v WHERE v.model = :model AND v.stage = 'Staging' AND (
    SELECT MAX(a.seq) FROM audit a WHERE a.model = v.model AND a.replaced = v.version
) > (
    SELECT MAX(a.seq) FROM audit a
    WHERE a.model = v.model AND a.version = v.version AND a.after <> ''
) ORDER BY v.version
"""
_SINCE = """
SELECT at FROM audit WHERE model = :model AND after = 'Production' ORDER BY seq DESC LIMIT 1
"""
#: Where a version may go by `promote`, and from where.
_FROM = {"Staging": ("None", "Archived"), "Production": ("Staging",)}


def promote(
    space: Workspace,
    ref: str,
    *,
    to: str,
    identity: Identity,
    reason: str = "",
    force: bool = False,
    judge: Judge = judge,
) -> Entry | None:
    """Let a version enter Staging or Production.

    Args:
        space: where the registry and the artifacts are.
        ref: the version.
        to: `Staging` or `Production`, in any case.
        identity: who asks.
        reason: why; needed with `force`.
        force: go on although gates refuse, or it was taken back by a rollback. Sign-off and the
            order of stages still hold.
        judge: judges it.

    Returns:
        The row of the log; None if it is in that stage already, or beyond it.

    Raises:
        GateError: a gate refuses; that is in the log, too.
        RefusedError: the rules do not allow it, or another moved a version meanwhile.
        ArtifactError: its files are not there, or not what they were.
        ParameterError: there is no such stage to promote to, or no reason to force.
        RefError: it names no model version.
        StoreError: the store failed; nothing changed.
    """
    to = called(to)
    if to not in _FROM:
        raise ParameterError(f"a version is promoted to Staging or Production; got {to!r}")
    _check_forced(force, reason)
    found = find(space, ref)
    model = found.version.model
    if settle(space, model):
        found = find(space, found.version.ref)  # it may be archived by now
    if found.stage in (to, "Production"):
        return None
    _check_order(found, to)
    policy = policy_of(space, model)
    with space.store.read() as db:
        production = production_of(db, model)
        taken = _taken_back(db, found)
        if to == "Production":
            sign_off.check(db, found, policy)
    if taken and not force:
        raise RefusedError(
            f"{found.version} was {taken}; put it back with `begat rollback {model} --to "
            f"{found.version}`, or let it enter with --force and a --reason"
        )
    files.check(space, found.version, found.files)
    candidate = Candidate(
        space=space, version=found.version, body=found.body, stage=to, production=production
    )
    verdicts = judge(candidate, policy)
    refused = [one for one in verdicts if not one.passed]
    gates = [asdict(one) for one in verdicts]
    if refused and not force:
        with space.store.write() as db:
            audit.append(
                space.store,
                db,
                action="refuse",
                model=model,
                version=found.version.version,
                identity=identity,
                reason=reason,
                body={"gates": gates, "to": to},
            )
        raise GateError(_refusal(found, to, refused))
    with space.store.write() as db:
        _check_still(db, found, production, to)
        files.check_kept(db, found.version, found.files)
        if _taken_back(db, found) != taken:
            raise RefusedError(f"{found.version} was taken back while it was judged; try again")
        if policy_of(space, model) != policy:
            raise RefusedError(
                f"the policy of {model} was changed while {found.version} was judged; try again"
            )
        if to == "Production":
            # Once more: it may have been rejected while it was judged.
            sign_off.check(db, found, policy)
        replaced = production if to == "Production" else None
        if replaced is not None:
            _move(db, replaced, "Production", "Staging")
        _move(db, found.version, found.stage, to)
        body: dict[str, Any] = {
            "gates": gates,
            "policy": policy.to_json(),
            **found.sealed,
            "forced": [*(one.gate for one in refused), *(["rollback"] if taken else [])],
        }
        return audit.append(
            space.store,
            db,
            action="promote",
            model=model,
            version=found.version.version,
            before=found.stage,
            after=to,
            replaced=replaced.version if replaced else None,
            identity=identity,
            reason=reason,
            body={key: value for key, value in body.items() if value},
        )


def archive(
    space: Workspace, ref: str, *, identity: Identity, reason: str = "", force: bool = False
) -> Entry | None:
    """Archive a version that is not in Production.

    Returns:
        The row of the log; None if it is archived already.

    Raises:
        RefusedError: it is in Production; or it was until lately, and the one that replaced it
            is not stable yet.
        RefError: it names no model version.
        ParameterError: there is no reason to force.
        StoreError: the store failed; nothing changed.
    """
    _check_forced(force, reason)
    found = find(space, ref)
    of = found.version
    if found.stage == "Archived":
        return None
    if found.stage == "Production":
        raise RefusedError(
            f"{of} is in Production; promote another version, or `begat rollback {of.model}`"
        )
    policy = policy_of(space, of.model)
    with space.store.write() as db:
        _check_still(db, found, None, "Archived")
        due = _replaced(db, of.model, policy).get(of.version)
        if due is not None and due > now() and not force:
            raise RefusedError(
                f"{of} was in Production until lately, and is kept warm until what replaced it is "
                f"stable for {policy.stable_hours:g} h, at {audit.minute(due)}; wait, "
                "or --force it with a --reason"
            )
        return _archive(space, db, of, found.stage, identity=identity, reason=reason)


def settle(space: Workspace, model: str = "") -> list[Entry]:
    """Archive what was replaced in Production by a version that has been stable since.

    Args:
        space: where the registry is.
        model: of this model; of all by default.

    Raises:
        StoreError: the store failed.
        SettingsError: a policy makes no sense.
    """
    done = []
    with space.store.read() as db:
        models = [model] if model else all_models(db)
    for name in models:
        policy = policy_of(space, name)
        with space.store.read() as db:
            waiting = any(due <= now() for due in _replaced(db, name, policy).values())
        if not waiting:
            continue
        with space.store.write() as db:
            reason = f"what replaced it is stable for {policy.stable_hours:g} h"
            for version, due in _replaced(db, name, policy).items():
                if due <= now():
                    of = version_of(db, name, version).version
                    done.append(_archive(space, db, of, "Staging", identity=POLICY, reason=reason))
    return done


def rollback(space: Workspace, ref: str, *, identity: Identity, reason: str, to: str = "") -> Entry:
    """Put the version back in Production that was there before, and archive the one that is.

    Its files are verified before the switch.

    Args:
        space: where the registry and the artifacts are.
        ref: a model, or the version of it that is to be taken back.
        identity: who asks.
        reason: why.
        to: another version that was in Production.

    Raises:
        RefusedError: none is in Production, or another than `ref`; none was before; another
            moved one meanwhile; or the one in Production came there by a rollback itself, and
            neither `ref` nor `to` names a version.
        ArtifactError: the files of the earlier version are not there, or not what they were.
        ParameterError: there is no reason.
        RefError: there is no such model or version.
        StoreError: the store failed; nothing changed.
    """
    if not reason.strip():
        raise ParameterError(f"a rollback of {ref} takes a reason, which the log keeps")
    of = find(space, ref).version if "@" in ref else None
    model = of.model if of else ref
    with space.store.read() as db:
        production = production_of(db, model)
        if production is None:
            check_model(db, model)
            raise RefusedError(
                f"{model} has no version in Production, so there is none to take back; "
                f"`begat promote {model}@N --to Production`"
            )
        past = history(db, model)
    if of not in (None, production):
        raise RefusedError(f"somebody else was faster: {production} is in Production by now")
    wanted = find(space, to).version if to else None
    earlier = past.earlier
    _check_wanted(production, wanted, past, named=of is not None and ref == of.ref)
    target = find(space, f"{model}@{wanted.version if wanted else earlier[0]}")
    try:
        files.check(space, target.version, target.files)
    except ArtifactError as error:
        rest = [number for number in earlier if number != target.version.version]
        others = ", ".join(f"--to {model}@{number}" for number in rest) or "no other version"
        raise type(error)(f"{error}; {production} stays in Production (left: {others})") from error
    with space.store.write() as db:
        _check_still(db, target, production, "Production")
        files.check_kept(db, target.version, target.files)
        _move(db, production, "Production", "Archived")
        _move(db, target.version, target.stage, "Production")
        return audit.append(
            space.store,
            db,
            action="rollback",
            model=model,
            version=target.version.version,
            before=target.stage,
            after="Production",
            replaced=production.version,
            identity=identity,
            reason=reason,
            body=target.sealed,
        )


def _check_wanted(
    production: ModelVersion, wanted: ModelVersion | None, past: History, *, named: bool
) -> None:
    """See that a rollback goes where somebody wants it to go."""
    model, last = production.model, past.last
    put = f"put there by {last['who']} at {audit.minute(last['at'])}" if last else "put there"
    if wanted == production:
        raise RefusedError(f"{production} is in Production already, {put}")
    if wanted is not None:
        if wanted.model != model or wanted.version not in past.produced:
            raise RefusedError(
                f"{wanted} was never in Production before; `begat audit --model {model}` shows "
                "which were"
            )
        return
    if last and last["action"] == "rollback" and not named:
        # Two who see the same trouble would go two versions back.
        further = f"; to go further back, name it: `begat rollback {production}`"
        raise RefusedError(
            f"{production} is in Production by a rollback already, {put}"
            + (further if past.earlier else "")
        )
    if not past.earlier and past.produced[1:]:
        raise RefusedError(
            f"all that were in Production before {production} were taken back; name one of them "
            f"by --to: {', '.join(f'{model}@{number}' for number in past.produced[1:])}"
        )
    if not past.earlier:
        raise RefusedError(
            f"no version of {model} was in Production before {production}; promote another one"
        )


def _check_forced(force: bool, reason: str) -> None:
    if force and not reason.strip():
        raise ParameterError("to force it takes a reason, which the log keeps; add --reason")


def _check_order(found: Version, to: str) -> None:
    if found.stage not in _FROM[to]:
        raise RefusedError(
            f"{found.version} is in {named(found.stage)}, and nothing goes straight to Production; "
            f"`begat promote {found.version} --to Staging` first"
        )


def _check_still(db: Connection, found: Version, production: ModelVersion | None, to: str) -> None:
    """See that nothing has moved since it was looked at."""
    of = found.version
    stage = version_of(db, of.model, of.version).stage
    # A candidate for Staging may have been compared with it.
    there = production_of(db, of.model) if to != "Archived" else production
    if stage != found.stage or there != production:
        moved = f"{of} is in {named(stage)}" if stage != found.stage else f"{there} is there"
        raise RefusedError(
            f"somebody else was faster: {moved} by now; look at "
            f"`begat audit --model {of.model}`, and try again"
        )


def _refusal(found: Version, to: str, refused: Sequence[Verdict]) -> str:
    says = "; ".join(one.says() for one in refused)
    of = found.version
    return (
        f"{of} may not enter {to}: {says}; mend it, or force it with `begat promote {of} --to {to} "
        "--force --reason …`"
    )


def _archive(
    space: Workspace,
    db: Connection,
    of: ModelVersion,
    before: str,
    *,
    identity: Identity,
    reason: str,
) -> Entry:
    _move(db, of, before, "Archived")
    return audit.append(
        space.store,
        db,
        action="archive",
        model=of.model,
        version=of.version,
        before=before,
        after="Archived",
        identity=identity,
        reason=reason,
    )


def _move(db: Connection, of: ModelVersion, before: str, after: str) -> None:
    given = {"model": of.model, "version": of.version, "before": before, "after": after}
    if db.execute(_MOVE, given).rowcount != 1:
        raise RefusedError(f"{of} is not in {named(before)} any more; try again")


def _replaced(db: Connection, model: str, policy: Policy) -> dict[int, str]:
    """Versions in Staging that were replaced in Production, and when they are to be archived."""
    waiting = [version for (version,) in db.execute(_WAITING, {"model": model})]
    if not waiting:
        return {}
    # Each new version in Production starts the hours again.
    row = db.execute(_SINCE, {"model": model}).fetchone()
    due = shifted(row["at"], timedelta(hours=policy.stable_hours))
    return dict.fromkeys(waiting, due)


def _taken_back(db: Connection, found: Version) -> str:
    """By whom a version was taken back, and why; empty if it was not, or was let in since."""
    if found.stage != "Archived":
        return ""
    of = found.version
    row = history(db, of.model).barred.get(of.version)
    if row is None:
        return ""
    return f"taken back by {row['who']} at {audit.minute(row['at'])} ({row['reason']})"
