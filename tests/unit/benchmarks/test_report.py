"""The page is a function of the results, and says what is missed."""

from __future__ import annotations

import re

from benchmarks import places, report, results
from benchmarks.results import Figure, Results

CIRCUMSTANCES = {
    "when": "2026-11-21 00:00 UTC",
    "processor": "A processor",
    "cores": 2,
    "memory_gib": 8,
    "system": "Linux 6",
    "python": "3.11.7",
    "load": 0.5,
    "rounds": 5,
    "versions": {"dvc": "3.67.1"},
}


def page(**figures: dict[str, Figure]) -> str:
    """The page of these subjects."""
    held = Results()
    for subject, found in figures.items():
        held = held.with_subject(subject, found, CIRCUMSTANCES)
    return report.page(held)


def noop(ours: float) -> dict[str, Figure]:
    """Begat's no-op beside one of DVC that takes a second."""
    return {
        "begat": Figure(command="begat run x.py:p", cpu=[ours], extra={"stages": [0]}),
        "DVC": Figure(command="dvc repro", cpu=[1.0], extra={"stages": [0]}),
    }


def test_published() -> None:
    """docs/benchmarks.md is what the published figures make."""
    assert places.PAGE.read_text() == report.page(results.load(places.RESULTS))


def test_shortfall() -> None:
    """A target that is missed is said in words, with both figures."""
    said = page(noop=noop(0.5))

    assert "- nothing to do: 0.50, where ≤ 0.2 was the target (0.50 s beside DVC 1.00 s)." in said


def test_all_met() -> None:
    """Without a shortfall the page says so."""
    said = page(noop=noop(0.1))

    assert ("All targets are met." in said, "**no**" in said) == (True, False)


def test_commands_and_versions() -> None:
    """Every command that was measured is on the page, and the versions of what ran."""
    said = page(noop=noop(0.1))

    assert [text in said for text in ("`begat run x.py:p`", "`dvc repro`", "dvc 3.67.1")] == [
        True
    ] * 3


def test_multiples() -> None:
    """Costs are multiples of the bare script's cold run where that was measured."""
    cold = {
        "begat": Figure(command="begat run", cpu=[6.0], peak=[2**30], extra={"stages": [25]}),
        "bare Prefect flow": Figure(command="python flow.py", cpu=[6.0]),
        "bare script": Figure(command="python script.py", cpu=[4.0]),
    }

    assert "| begat | 6.00 s, 1.50 x (25) |" in page(cold=cold)


def test_tables_are_whole() -> None:
    """Every row of a table has as many cells as its heading."""
    text = places.PAGE.read_text()
    ragged = [
        line
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        for line in table.splitlines()
        if len(re.findall(r"(?<!\\)\|", line)) != table.splitlines()[0].count("|")
    ]

    assert ragged == []
