"""The flights as a redun workflow: files come and go as redun's own `File` values.

redun's command line reads the annotations of `main` as types, so they are not postponed.
"""

from pathlib import Path

import work
from redun import File, task

redun_namespace = "flights"


@task
def prepare(flights: File, weather: File, planes: File, out: str) -> File:
    paths = (Path(file.path) for file in (flights, weather, planes))
    return File(str(work.prepare(*paths, Path(out))))


@task
def featurize(part: File, out: str) -> File:
    return File(str(work.featurize(Path(part.path), Path(out))))


@task
def train(parts: list[File], max_iter: int) -> File:
    return File(str(work.train([Path(part.path) for part in parts], work.MODEL, max_iter)))


@task
def evaluate(model: File, part: File) -> File:
    return File(str(work.evaluate(Path(model.path), Path(part.path), work.METRICS)))


@task
def register(model: File, metrics: File) -> str:
    return str(work.register(Path(model.path), Path(metrics.path), work.REGISTRY))


@task(cache=False)  # which months there are is for the lake to say
def main(max_iter: int = work.MAX_ITER) -> str:
    lookups = [File(str(path)) for path in work.LOOKUPS]
    *past, last = [
        featurize(
            prepare(File(str(work.raw(month))), *lookups, str(work.prepared(month))),
            str(work.featurized(month)),
        )
        for month in work.months()
    ]
    model = train(past, max_iter)
    return register(model, evaluate(model, last))
