"""The flights as a bare Prefect flow on a running server; `--cache` has it skip by content."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import work
from prefect import flow, task
from prefect.cache_policies import NO_CACHE, TASK_SOURCE, CacheKeyFnPolicy
from prefect.context import TaskRunContext
from prefect.task_runners import ThreadPoolTaskRunner

parser = argparse.ArgumentParser()
parser.add_argument("--cache", action="store_true")
parser.add_argument("--max-iter", type=int, default=work.MAX_ITER)
given = parser.parse_args()


def by_content(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """A key of the task's arguments: files by their bytes, where to write by its name."""
    key = [context.task.name]
    for name, value in parameters.items():
        key.append(f"{name}={value if name in ('out', 'registry') else known(value)}")
    return hashlib.sha256("\n".join(key).encode()).hexdigest()


def known(value: Any) -> Any:
    """A value with files replaced by the digests of their bytes."""
    if isinstance(value, Path):
        return hashlib.blake2b(value.read_bytes()).hexdigest()
    return [known(each) for each in value] if isinstance(value, list) else value


options: dict[str, Any] = {"cache_policy": NO_CACHE}
if given.cache:
    policy = CacheKeyFnPolicy(cache_key_fn=by_content) + TASK_SOURCE
    options = {"cache_policy": policy, "persist_result": True}

prepare = task(work.prepare, **options)
featurize = task(work.featurize, **options)
train = task(work.train, **options)
evaluate = task(work.evaluate, **options)
register = task(work.register, **options)


# As many at once as begat runs: four, or the cores if they are more.
@flow(name="flights", task_runner=ThreadPoolTaskRunner(max_workers=4))
def flights(max_iter: int) -> None:
    months = work.months()
    clean = [
        prepare.submit(work.raw(month), *work.LOOKUPS, work.prepared(month)) for month in months
    ]
    *past, last = [
        featurize.submit(part, work.featurized(month))
        for month, part in zip(months, clean, strict=True)
    ]
    model = train.submit(past, work.MODEL, max_iter)
    metrics = evaluate.submit(model, last, work.METRICS)
    register.submit(model, metrics, work.REGISTRY).result()


if __name__ == "__main__":
    flights(given.max_iter)
