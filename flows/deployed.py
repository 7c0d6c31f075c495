"""Flows of pipelines, for workers to find: `begat.flows.deployed.flights%2Epy%3Apipeline`.

A deployment names its flow by a module and an attribute of it. This module has an attribute
for every pipeline there is: its name as `begat run` takes it, percent-encoded, because a
colon or a dot would mean something else there. So the same code serves every pipeline, and
a file of a pipeline's need not import Prefect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from prefect import Flow


#: Behind a pipeline's name: its flow that trains for each partition of a range.
BACKFILL = "#backfill"


def entrypoint(pipeline: str, *, backfill: bool = False) -> str:
    """What a deployment names a flow of a pipeline by.

    Args:
        pipeline: `FILE.py:NAME`, relative to the folder that workers work in, or
            `PACKAGE.MODULE:NAME`.
        backfill: the flow that trains for each partition of a range.

    >>> entrypoint("flights.py:pipeline")
    'begat.flows.deployed.flights%2Epy%3Apipeline'
    """
    name = pipeline + BACKFILL * backfill
    return f"begat.flows.deployed.{quote(name, safe='').replace('.', '%2E')}"


def __getattr__(name: str) -> Flow[..., object]:
    if "%3A" not in name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import backfill
    from .load import load

    text = unquote(name)
    pipeline = load(text.removesuffix(BACKFILL))
    return backfill.flow(pipeline) if text.endswith(BACKFILL) else pipeline.flow()
