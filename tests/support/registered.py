"""A registry with versions of a model whose files are there, without training any."""

from __future__ import annotations

import json
from typing import Any

from begat.lineage.events import ids
from begat.lineage.records import ModelVersion
from begat.lineage.registry import register
from begat.lineage.registry.identity import Identity
from begat.lineage.workspace import Workspace

ADA = Identity(who="ada", kind="token", token="0a", host="here")
BOB = Identity(who="bob", kind="token", token="0b", host="here")


def add(
    space: Workspace,
    model: str = "delays",
    *,
    content: str = "",
    by: str = "ada",
    **body: Any,
) -> ModelVersion:
    """The next version of a model, with files of its own; its policy requires no items."""
    kept = {
        name: space.artifacts.write(f"{name} {content or ids.new_id()}".encode())
        for name in ("model", "signature", "evaluation")
    }
    made = register(
        space.store,
        model=model,
        recipe=ids.new_id(),
        run_id=ids.new_id(),
        training_run_id=ids.new_id(),
        digest=kept["model"],
        registered_by=by,
        body={
            "metrics": {"roc_auc": 0.9},
            "signature_digest": kept["signature"],
            "evaluation_digest": kept["evaluation"],
        }
        | body,
    )
    with space.store.write() as db:  # beside the log, which is for what tests do
        db.execute(
            "UPDATE model SET policy = :policy WHERE name = :model AND COALESCE(policy, '') = ''",
            {"model": model, "policy": json.dumps({"required": []})},
        )
    return made


def gates(*said: dict[str, Any], **rest: Any) -> str:
    """What `model.policy` holds for a policy."""
    return json.dumps({"gates": [*said], **rest})
