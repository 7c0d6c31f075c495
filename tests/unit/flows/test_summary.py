from __future__ import annotations

import logging
from typing import Any

import pytest

from begat.flows import summary
from begat.flows.report import Report, TaskReport
from begat.lineage.records import DatasetVersion

EVALUATION: dict[str, Any] = {
    "rows": 1000,
    "metrics": {"log_loss": None, "roc_auc": 0.8, "f1": 0.5},
    "slices": {
        "carrier": {
            "AA": {"roc_auc": 0.81, "rows": 600},
            "UA": {"roc_auc": 0.6, "rows": 390},
            "tiny": {"roc_auc": 0.1, "rows": 9},
            "none": {"roc_auc": None, "rows": 500},
        },
        "a|b <i>": {"*x*": {"roc_auc": 0.95, "rows": 100}},
    },
}


def report(**given: Any) -> Report:
    """A flow run in which a month was new."""
    states = [("prepare", "COMPLETE"), ("prepare", "REUSED"), ("train", "COMPLETE")]
    picture = DatasetVersion(
        namespace="begat", name="delays/pictures/roc", digest="blake3:" + "ab" * 32, size=9
    )
    whole: dict[str, Any] = {
        "model_version": "delays@3",
        "flow_run_id": "01a1",
        "metrics": EVALUATION["metrics"],
        "tasks": tuple(
            TaskReport(job=f"delays.{task}", partition="", run_id="", state=state)  # type: ignore[arg-type]  # two of the states
            for task, state in states
        ),
        "evaluated": {"evaluation": picture, "pictures": [picture]},
    }
    return Report(**whole | given)


def lines(page: str) -> list[str]:
    """The lines of a page."""
    return page.splitlines()


def test_the_page_says_what_ran_and_came_out() -> None:
    """Model version, metrics, and which tasks ran and were reused are on the page."""
    page = lines(summary.markdown(report(), EVALUATION))

    assert page[0] == "# delays@3"
    assert "2 tasks ran, 1 were reused. Flow run `01a1`" in page[2]
    assert {"| roc\\_auc | 0.8 |", "| log\\_loss | undefined |"} <= set(page)
    assert {"| prepare | 1 | 1 |", "| train | 1 | 0 |"} <= set(page)


def test_slices_are_the_farthest_from_the_whole() -> None:
    """By the first metric with a value, the farthest first, none of them tiny."""
    page = lines(summary.markdown(report(), EVALUATION))
    at = page.index("| slice | roc\\_auc | rows |")

    assert page[at + 2 : at + 5] == [
        "| carrier = UA | 0.6 | 390 |",
        "| a\\|b &lt;i\\> = \\*x\\* | 0.95 | 100 |",
        "| carrier = AA | 0.81 | 600 |",
    ]
    assert "tiny" not in "".join(page)


def test_pictures_have_their_ids() -> None:
    """Each picture is named with its checksum, and how to get at it is said."""
    page = summary.markdown(report(), EVALUATION)

    assert f"- roc `blake3:{'ab' * 32}`" in page
    assert "`begat pictures delays@3 --folder DIRECTORY`" in page


def test_a_run_without_slices_or_pictures() -> None:
    """What is not there is not spoken of."""
    page = summary.markdown(
        report(evaluated={"pictures": []}), {"rows": 1, "metrics": {}, "slices": {}}
    )

    assert "slice" not in page.lower()
    assert "ictures" not in page


def test_a_failure_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, the run goes on."""
    with caplog.at_level(logging.WARNING, "begat"):
        summary.publish(report(evaluated={}))

    assert "the run's summary is not in Prefect: KeyError: 'evaluation'" in caplog.text


@pytest.mark.parametrize("name", ["delays", "Flight_Delays.v2", "A-1", "x..."])
def test_keys_are_prefects(name: str) -> None:
    """Any pipeline's name becomes a key of lowercase letters, digits and dashes."""
    import re

    assert re.fullmatch(r"begat-[a-z0-9]+(-[a-z0-9]+)*", summary.key(name))
