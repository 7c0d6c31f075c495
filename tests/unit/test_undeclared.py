"""What a recipe does not tell: files, paths and globals that a run depends on undeclared."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from begat.lineage import attempt
from support.calls import call, facet, warnings
from support.recorder import Recorder


def scale(number: int) -> int:
    """Twice a number."""
    return 2 * number


@functools.cache
def config(path: str) -> str:
    """A file that is read once a process."""
    with open(path) as file:
        return file.read()


def configured(number: int, path: str) -> str:
    """Depends on a file that only the first call opens."""
    return f"{number} {config(path)}"


def test_what_one_run_opened_later_runs_of_its_code_depend_on(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that a helper keeps makes all runs that reach it not reusable; one warning."""
    path = tmp_path / "config"
    path.write_text("1")
    reasons = []
    for number in range(2):
        call(configured, number, str(path))
        reasons.append(facet(recorder, "begat_recipe")["reasons"])
    call(scale, 1)
    said = warnings(caplog)

    assert reasons == [[f"read {path}, which is none of its inputs"]] * 2
    assert (facet(recorder, "begat_recipe")["reasons"], len(said)) == ([], 1)


def test_what_a_failed_run_opened_its_retry_depends_on(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that was read before an error is a reason of the run that did not open it again."""
    path = tmp_path / "config"
    path.write_text("1")

    def fails_first(tries: str) -> str:
        text = config(str(path))
        if not os.path.exists(tries):
            open(tries, "w").close()
            raise ValueError(text)
        return text

    with pytest.raises(ValueError, match="1"):
        call(fails_first, str(tmp_path / "tries"))
    call(fails_first, str(tmp_path / "tries"))
    about = facet(recorder, "begat_recipe")

    assert about["reasons"] == [
        f"is given the file {tmp_path / 'tries'} as tries, by its path only",
        f"read {path}, which is none of its inputs",
    ]
    assert len(warnings(caplog)) == 1


def test_only_the_first_reasons_are_recorded(recorder: Recorder, tmp_path: Path) -> None:
    """A task that opens a folder's many files names some and how many more there are."""
    lake = tmp_path / "lake"
    lake.mkdir()
    for number in range(attempt.REASONS + 5):
        (lake / f"{number:02}").write_text("")

    def walk(folder: str) -> int:
        return sum(len(file.read_text()) for file in sorted(Path(folder).iterdir()))

    call(walk, str(lake))
    reasons = facet(recorder, "begat_recipe")["reasons"]

    assert (len(reasons), reasons[0], reasons[-1]) == (
        attempt.REASONS + 1,
        f"read {lake / '00'}, which is none of its inputs",
        "and 5 more",
    )


_memo: dict[int, int] = {}


def memoized(number: int) -> int:
    """Keeps what it computed in a global that it reads."""
    return _memo.setdefault(number, 2 * number)


def test_a_changed_global_makes_a_run_not_reusable(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a task leaves in a global is another recipe for the next run: said by name, once."""
    monkeypatch.setitem(globals(), "_memo", {})
    reasons = []
    for number in (1, 2, 2):
        call(memoized, number)
        reasons.append(facet(recorder, "begat_recipe")["reasons"])

    assert reasons == [*[["changed the global _memo, which it reads"]] * 2, []]
    assert len(warnings(caplog)) == 1


def size_of(path: str) -> int:
    """What a library would read past Python's own open."""
    return os.stat(path).st_size


def test_a_path_is_no_input(
    recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file given by its path alone is warned of, and that run never answers another."""
    path = tmp_path / "rows.parquet"
    sizes = []
    for content in (b"1", b"22"):
        path.write_bytes(content)
        sizes.append(call(size_of, str(path)).value)

    assert sizes == [1, 2]
    assert "by its path only" in caplog.text
