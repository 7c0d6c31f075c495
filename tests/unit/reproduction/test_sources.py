from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from begat.lineage.content.memory import MemoryStore
from begat.lineage.reproduction.plan import Plan, Step
from begat.lineage.reproduction.rebuild import RebuildError, rebuild
from begat.lineage.reproduction.sources import MissingCodeError, place


def test_a_commit_that_is_none(tmp_path: Path) -> None:
    """What a run calls its commit is no option for git."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    written = tmp_path / "written"
    step = Step(
        run_id="one",
        job="trips.train",
        recipe={"commit": f"--index-output={written}", "sources": ""},
        seeds={},
        inputs={},
        outputs=(),
    )
    with pytest.raises(MissingCodeError, match="no commit was recorded"):
        place(
            Plan(ref="trips@1", flow="trips", steps=(step,)),
            MemoryStore(),
            tmp_path / "code",
            from_commit=True,
            repository=tmp_path,
        )
    assert not written.exists()


@pytest.mark.parametrize(
    "given",
    [{"numpy": "2.0\n--index-url https://example.com"}, {"--pre\nnumpy": "2.0"}, {"a b": "1"}],
    ids=["version", "name", "spaces"],
)
def test_packages_that_are_none(tmp_path: Path, given: dict[str, str]) -> None:
    """What a run calls its packages is no option for uv."""
    with pytest.raises(RebuildError, match="is no package's name and version"):
        rebuild(tmp_path / "environment", given, "3.12")
