"""An environment of recorded packages, made with uv from a folder of wheels, without network."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from begat.lineage.reproduction.rebuild import RebuildError, rebuild
from support import wheels


@pytest.fixture
def tinyscale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of a distribution, and uv told to look nowhere else."""
    folder = tmp_path / "wheels"
    for version in ("1.0", "2.0"):
        wheels.write(folder, "tinyscale", version, {"tinyscale.py": f"VERSION = {version!r}\n"})
    places = {"UV_FIND_LINKS": str(folder), "UV_CACHE_DIR": str(tmp_path / "cache")}
    for name, value in {**wheels.OFFLINE, **places}.items():
        monkeypatch.setenv(name, value)
    return folder


def test_the_recorded_version(tinyscale: Path, tmp_path: Path) -> None:
    """It has the recorded version, this begat, and not the pipeline's own distributions."""
    packages = {"begat": "0.0.1", "tinyscale": "1.0", "acme-rides": "3.0"}

    interpreter, variables = rebuild(
        tmp_path / "made", packages, platform.python_version(), without=["acme_rides"]
    )

    code = "import tinyscale, begat.lineage as b; print(tinyscale.VERSION, *b.__path__)"
    said = subprocess.run(
        [interpreter, "-P", "-c", code],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    import begat.lineage

    version, place = said.split()
    assert version == "1.0"
    assert Path(place).resolve() == Path(begat.lineage.__path__[0]).resolve()


@pytest.mark.parametrize(
    ("packages", "python", "named"),
    [({"tinyscale": "3.0"}, platform.python_version(), "tinyscale"), ({}, "3.11.99", "3.11.99")],
    ids=["package", "python"],
)
def test_what_is_nowhere(
    tinyscale: Path, tmp_path: Path, packages: dict[str, str], python: str, named: str
) -> None:
    """A version that uv does not find, or a Python, is named."""
    with pytest.raises(RebuildError, match=named):
        rebuild(tmp_path / "made", packages, python)
