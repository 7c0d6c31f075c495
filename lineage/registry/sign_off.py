"""Sign-off: people say whether a version in Staging may go to Production."""

from __future__ import annotations

from ..errors import ParameterError, RefusedError
from ..graph.connection import Connection
from ..graph.stages import named
from ..records import ModelVersion
from ..workspace import Workspace
from . import audit
from .audit import Entry
from .current import Version, find, version
from .identity import Identity
from .policy import Policy, policy_of

# It came back to Staging by the row of the version that took its place.
_REPLACED = "SELECT MAX(seq) FROM audit WHERE model = :model AND replaced = :version"


def sign(
    space: Workspace, ref: str, *, approve: bool, identity: Identity, reason: str = ""
) -> Entry | None:
    """Say that a version in Staging may go to Production, or may not; the last word counts.

    Returns:
        The row of the log; None to approve of what is in Production already.

    Raises:
        RefusedError: it is not in Staging, or who approves is its author and may not.
        RefError: it names no model version.
        ParameterError: a rejection without a reason.
        StoreError: the store failed; nothing changed.
    """
    of = find(space, ref).version
    if not approve and not reason.strip():
        raise ParameterError(f"a rejection of {of} takes a reason; add --reason")
    policy = policy_of(space, of.model)
    with space.store.write() as db:
        # As it is now: another may have moved it since it was found.
        found = version(db, of.model, of.version)
        if found.stage == "Production" and approve:
            return None
        if found.stage == "Production":
            raise RefusedError(
                f"{of} is in Production already; `begat rollback {of}` takes it back"
            )
        if found.stage != "Staging":
            raise RefusedError(
                f"{of} is in {named(found.stage)}, and only versions in Staging are signed off; "
                f"`begat promote {of} --to Staging` first"
            )
        if approve and policy.sign_off == "other" and identity.who == found.registered_by:
            raise RefusedError(
                f"{of} was registered by {identity.who}, and its policy wants the approval of "
                "somebody else (sign_off = other); let them run `begat approve`"
            )
        return audit.append(
            space.store,
            db,
            action="approve" if approve else "reject",
            model=of.model,
            version=of.version,
            identity=identity,
            reason=reason,
            body=found.sealed,
        )


def approval(db: Connection, of: ModelVersion) -> Entry | None:
    """The word that counts about a version since it entered Staging last: approved or rejected."""
    key = {"model": of.model, "version": of.version}
    (replaced,) = db.execute(_REPLACED, key).fetchone()
    word = None
    for entry in audit.of_version(db, of):
        if entry.after == "Staging" or entry.seq < (replaced or 0):
            word = None
        elif entry.action in ("approve", "reject"):
            word = entry
    return word


def check(db: Connection, found: Version, policy: Policy) -> None:
    """See that a version is signed off as its model's policy wants it.

    Raises:
        RefusedError: it is not.
    """
    if policy.sign_off == "none":
        return
    of, word = found.version, approval(db, found.version)
    if word is None:
        by = "somebody other than its author" if policy.sign_off == "other" else "somebody"
        raise RefusedError(
            f"{of} is not signed off for Production (sign_off = {policy.sign_off}); let {by} run "
            f"`begat approve {of}`"
        )
    if word.action == "reject":
        raise RefusedError(
            f"{of} was rejected by {word.who} ({word.reason}); mend that and let it be approved"
        )
    if word.body.get("digest") != of.digest:
        raise RefusedError(
            f"{of} is another model than the one that {word.who} approved; `begat audit verify` "
            f"tells what was changed, and `begat approve {of}` signs off what is there now"
        )
    if policy.sign_off == "other" and word.who == found.registered_by:
        raise RefusedError(
            f"{of} was approved by {word.who}, who registered it (sign_off = other); let somebody "
            f"else run `begat approve {of}`"
        )
