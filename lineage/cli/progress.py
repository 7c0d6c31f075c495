"""How far long work is, on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .output import console, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..verify import Progress

#: What is told as one word, as people read it.
_WORDS = {
    "events": "hearing events",
    "runs": "comparing the graph",
    "objects": "hashing objects",
    "reruns": "doing runs again",
    "tables": "comparing the graph",
}


@contextmanager
def bars() -> Iterator[Progress]:
    """A bar for each thing that is told about; none where stderr is no terminal."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield _untold
        return
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[shown]}"),
        rich.TimeElapsedColumn(),
    )
    with rich.Progress(*columns, console=err, transient=True) as shown:
        tasks: dict[str, rich.TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(_WORDS.get(what, what), total=None, shown="")
            text = size(done) if what == "objects" else f"{done:,}"
            shown.update(tasks[what], completed=done, total=total or None, shown=text)

        yield tell


def _untold(what: str, done: int, total: int) -> None:
    pass
