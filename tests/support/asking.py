"""Small graphs to ask questions about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from begat.lineage.graph import Store
from begat.lineage.registry.versions import register

from .foreign import event
from .history import History, Run, digest, train

ORDERS, REPORT = ("s3://lake", "shop/orders"), ("s3://lake", "shop/report")


def tell(store: Store, *said: dict[str, Any]) -> None:
    """Let foreign producers say this."""
    store.record(said, origin="ingested")


def ran(
    number: int,
    minute: int,
    reads: Iterable[Any] = (),
    writes: Iterable[Any] = (),
    **more: Any,
) -> list[dict[str, Any]]:
    """A foreign run of one minute."""
    about = {"inputs": [*reads], "outputs": [*writes], **more}
    return [
        event(number, "START", minute, **{**about, "outputs": []}),
        event(number, "COMPLETE", minute + 1, **about),
    ]


def keys(found: Any) -> list[str]:
    """The keys of an answer's nodes, in their order."""
    return [node.key for node in found.nodes]


def run_ids(found: Any) -> set[str]:
    """Ids of the runs of an answer."""
    return {node.run_id for node in found.nodes if node.kind == "run"}


def late_model(store: Store, history: History) -> dict[str, Run]:
    """A model over three months, registered as `late@1`."""
    done = train(history, ["01", "02", "03"])
    store.record(history.events, history.chunks)
    register(
        store,
        model="late",
        recipe=digest("r"),
        run_id=done["register"].run_id,
        training_run_id=done["train"].run_id,
        digest=done["train"].outputs[0].digest,
        registered_by="ada",
        body={},
    )
    return done
