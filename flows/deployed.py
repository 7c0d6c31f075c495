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


def entrypoint(pipeline: str) -> str:
    """What a deployment names the flow of a pipeline by.

    Args:
        pipeline: `FILE.py:NAME`, relative to the folder that workers work in, or
            `PACKAGE.MODULE:NAME`.

    >>> entrypoint("flights.py:pipeline")
    'begat.flows.deployed.flights%2Epy%3Apipeline'
    """
    return f"begat.flows.deployed.{quote(pipeline, safe='').replace('.', '%2E')}"


def __getattr__(name: str) -> Flow[..., object]:
    if "%3A" not in name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .load import load

    return load(unquote(name)).flow()
