from __future__ import annotations

from importlib import metadata
from pathlib import Path

import click
import pytest

from begat.lineage import cli
from begat.lineage.cli import plugins

TEXT = """\
[console_scripts]
other = other:main

[begat.commands]
wait = other.commands:wait
# a comment
weigh=other.commands:weigh [scales]

[more]
never = other:never
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of distributions, before the others."""
    monkeypatch.syspath_prepend(tmp_path)
    for cached in (plugins._all, plugins._of):
        cached.cache_clear()
    yield tmp_path  # type: ignore[misc]  # pytest takes it from here
    for cached in (plugins._all, plugins._of):
        cached.cache_clear()


def install(folder: Path, name: str, text: str) -> None:
    """A distribution of nothing but entry points."""
    (folder / name).mkdir()
    (folder / name / "entry_points.txt").write_text(text)


def test_they_are_what_importlib_finds() -> None:
    """The same commands in the same places."""
    points = metadata.entry_points(group="begat.commands")

    assert {name: plugins.place(name) for name in plugins.names()} == {
        point.name: point.value for point in points
    }


def test_another_distribution_adds_commands(installed: Path) -> None:
    """Of its group only, and found by name as well."""
    install(installed, "other-1.0.dist-info", TEXT)
    install(installed, "older-1.0.egg-info", "[begat.commands]\nweed = older:weed\n")
    places = {name: plugins.place(name) for name in ("wait", "weigh", "weed", "never", "run")}

    assert places == {
        "wait": "other.commands:wait",
        "weigh": "other.commands:weigh",
        "weed": "older:weed",
        "never": "",
        "run": "begat.flows.commands:run",
    }
    assert {"wait", "weigh", "weed", "run"} <= {*plugins.names()}


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_list_of_commands_says_what_each_says_itself(width: int) -> None:
    """Those that are not imported for it too."""
    # With the settings of its own: click keeps the option for help that it made first.
    own = cli.begat.context_settings
    context = click.Context(cli.begat, terminal_width=width, max_content_width=width, **own)
    summaries = {
        name: cli.begat._summary(context, name, width)  # type: ignore[attr-defined]  # of our own class
        for name in cli.begat.list_commands(context)
    }
    loaded = {name: cli.begat.get_command(context, name) for name in summaries}

    assert {*cli.SUMMARIES} == {*cli._OWN}
    assert summaries == {
        name: command.get_short_help_str(width) for name, command in loaded.items() if command
    }
    assert all(name in cli.begat.get_help(context) for name in summaries)
