"""The flights as a ZenML pipeline: steps hand on a path with the digest of its bytes."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import work
from zenml import pipeline, step


def known(path: Path) -> str:
    """A path and the digest of what is there, for ZenML to compare."""
    return f"{path}#{hashlib.blake2b(path.read_bytes()).hexdigest()}"


def path(reference: str) -> Path:
    """The path of what `known` returned."""
    return Path(reference.partition("#")[0])


@step
def prepare(flights: str, weather: str, planes: str, out: str) -> str:
    return known(work.prepare(path(flights), path(weather), path(planes), Path(out)))


@step
def featurize(part: str, out: str) -> str:
    return known(work.featurize(path(part), Path(out)))


@step
def train(parts: list[str], max_iter: int) -> str:
    return known(work.train([path(part) for part in parts], work.MODEL, max_iter))


@step
def evaluate(model: str, part: str) -> str:
    return known(work.evaluate(path(model), path(part), work.METRICS))


@step
def register(model: str, metrics: str) -> str:
    return str(work.register(path(model), path(metrics), work.REGISTRY))


@pipeline(name="flights", enable_cache=True)
def flights(raws: list[str], lookups: list[str], max_iter: int) -> None:
    parts = []
    for month, raw in zip(work.months(), raws, strict=True):
        clean = prepare(raw, *lookups, str(work.prepared(month)), id=f"prepare_{month}")
        parts.append(featurize(clean, str(work.featurized(month)), id=f"featurize_{month}"))
    *past, last = parts
    model = train(past, max_iter)
    register(model, evaluate(model, last))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-iter", type=int, default=work.MAX_ITER)
    raws = [known(work.raw(month)) for month in work.months()]
    flights(raws, [known(lookup) for lookup in work.LOOKUPS], parser.parse_args().max_iter)
