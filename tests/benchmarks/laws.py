"""The laws of the lineage graph with many more examples than `make test` has, and its faults."""

from __future__ import annotations

from collections.abc import Sequence

from . import environments, measure, places
from .results import Figure
from .subject import Collector, Tell

#: The profile is in tests/conftest.py; two tests at a time.
COMMAND = (
    "python -m pytest -q -p no:cacheprovider -n 2 --hypothesis-profile=laws "
    "tests/unit/graph/test_laws.py tests/integration/graph"
)


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """That they hold; once, as these are no times.

    Raises:
        CommandError: one does not hold.
    """
    tell("laws and faults")
    environment = environments.variables("begat")
    cost = measure.run(COMMAND.split(), folder=places.ROOT, environment=environment)
    collector = Collector()
    figure = collector.add("laws and faults", COMMAND, cost)
    figure.extra["passed"] = cost.output.splitlines()[-1].partition(" in ")[0]
    return {"laws": collector.figures}
