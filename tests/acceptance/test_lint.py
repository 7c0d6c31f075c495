"""`begat lint` as a user runs it, on the demo as it is."""

from __future__ import annotations

from support.project import Project

PIPELINE = "begat-demo/flights.py:pipeline"


def codes(project: Project, *arguments: str, code: int) -> list[str]:
    """The codes of what a command finds; it must end with `code`."""
    lines = project.begat("lint", *arguments, code=code).stdout.splitlines()
    return [line.split()[1] for line in lines if line.startswith(("error", "warning", "info"))]


def test_the_demo(flights: Project) -> None:
    """The demo is in no repository, pins nothing and bounds one feature: told of both alike."""
    pipeline = codes(flights, PIPELINE, code=1)
    version = codes(flights, "flight-delays@2", code=1)

    assert pipeline == ["no-commit", "no-dependencies", "missing-range"]
    assert version == ["no-commit", "missing-range"]


def test_exit_codes(flights: Project) -> None:
    """0 where only warnings are left, 1 with --strict, 2 for what is not there."""
    ignored = ("flight-delays@2", "--ignore", "no-commit")

    assert codes(flights, *ignored, code=0) == ["missing-range"]
    assert codes(flights, *ignored, "--strict", code=1) == ["missing-range"]
    for name in ("flights.py:other", "flight-delays@9", "flight-delays/model"):
        assert "begat: " in flights.begat("lint", name, code=2).stderr
