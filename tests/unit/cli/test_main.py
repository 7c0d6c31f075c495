"""How the command line ends: one line on stderr, and a code."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator

import click
import pytest

from begat.lineage import cli
from begat.lineage.errors import DataError, StoreError


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's logging and signals are as they were after a test."""
    log, handler = logging.getLogger("begat"), signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", True)
    yield
    signal.signal(signal.SIGINT, handler)


def ends(error: BaseException, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit code when a command raises."""

    def fail() -> None:
        logging.getLogger("begat").warning("half\nlost", exc_info=error)
        raise error

    monkeypatch.setattr(
        cli.begat, "get_command", lambda ctx, name: click.Command("runs", callback=fail)
    )
    monkeypatch.setattr(sys, "argv", ["begat", *options, "runs"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("no such\n  file"), 2, "no such file"),
        (StoreError("the store is away"), 3, "the store is away"),
        (click.ClickException("not\nthis"), 1, "not this"),
        (KeyboardInterrupt(), 130, "interrupted; the next run goes on from here"),
        (
            ValueError("Error calling function: KeyboardInterrupt: "),
            130,
            "interrupted; the next run goes on from here",
        ),
        (
            ValueError("what\nnow"),
            1,
            "ValueError: what now (unexpected; `begat --debug …` shows where)",
        ),
    ],
)
def test_errors_and_warnings_are_one_line_each(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever a message holds it is one line, without a traceback, and stdout stays empty."""
    ended = ends(error, monkeypatch)
    out, err = capsys.readouterr()

    assert (ended, out) == (code, "")
    assert [text for text in err.splitlines() if text] == ["begat: half lost", f"begat: {line}"]


def test_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --debug an error is raised as it is, and a warning has its traceback."""
    with pytest.raises(DataError):
        ends(DataError("no such file"), monkeypatch, "--debug")

    assert "begat: half\nlost\nbegat.lineage.errors.DataError" in capsys.readouterr().err


def test_after_ctrl_c_the_next_one_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks again does not wait for threads that are still at work."""
    ends(KeyboardInterrupt(), monkeypatch)

    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nothing"], "No such command 'nothing'; `begat --help` shows what there is"),
        (["show"], "Missing argument 'REF'; `begat show --help` shows what there is"),
        (["runs", "--all"], "No such option '--all'; `begat runs --help` shows what there is"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What click refuses is said as begat says everything: one line, and where to look."""
    code = cli._run(arguments)

    assert (code, capsys.readouterr().err) == (2, f"begat: {line}\n")


def test_no_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """`begat` alone is `begat --help`."""
    code = cli._run([])

    assert (code, capsys.readouterr().out.startswith("Usage: begat")) == (0, True)
