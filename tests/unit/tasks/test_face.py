from __future__ import annotations

import subprocess
import sys


def test_the_five_tasks_are_had_without_prefect() -> None:
    """Plain scripts use the five tasks' functions, and import no orchestrator for that."""
    script = (
        "import sys, begat.tasks\n"
        "from begat.tasks import prepare, featurize, train, evaluate, register\n"
        "print('prefect' in sys.modules, callable(train.train))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "True"]


def test_task_and_tracked_are_the_decorators() -> None:
    """The face gives the decorators, whatever was imported before."""
    import begat.tasks.steps
    from begat import tasks

    assert (callable(tasks.task), callable(tasks.tracked), begat.tasks.steps.train.name) == (
        True,
        True,
        "train",
    )
