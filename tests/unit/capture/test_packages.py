"""Installed distributions."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from begat.lineage.capture import packages
from begat.lineage.content.digest import digest_bytes
from begat.lineage.events import run_event
from begat.lineage.records import Caller, RunRef
from support.openlineage import Specification


def normal(name: str) -> str:
    """A distribution's normalised name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_folder_names_say_what_metadata_says() -> None:
    """The versions are those that importlib.metadata reads from every file."""
    expected = {
        normal(found.name): found.version
        for found in reversed(list(importlib.metadata.distributions()))
    }

    assert packages.capture().distributions == dict(sorted(expected.items()))


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("Foo_Bar.baz-1.2.3.dist-info", {"foo-bar-baz": "1.2.3"}),
        ("torch-2.1.0+cu118.dist-info", {"torch": "2.1.0+cu118"}),
        ("old-name-1.0.dist-info", {"old-name": "1.0"}),
        ("egg-1.0-py3.11.egg-info", {"egg": "1.0"}),
        ("~ip-23.0.dist-info", {}),
        ("begat", {}),
        ("-1.0.dist-info", {}),
    ],
)
def test_a_folders_name_says_distribution_and_version(
    tmp_path: Path, folder: str, expected: dict[str, str]
) -> None:
    """Names are normalised; what pip left of an interrupted upgrade is none."""
    (tmp_path / folder).mkdir()

    assert packages.distributions([str(tmp_path)]) == expected


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    """Of two installed versions it is the one that is imported; no folder is no error."""
    for folder in ("a/x-1.0.dist-info", "b/x-2.0.dist-info"):
        (tmp_path / folder).mkdir(parents=True)
    path = [str(tmp_path / name) for name in ("gone.zip", "b", "a")]

    assert packages.distributions(path) == {"x": "2.0"}


def test_the_digest_is_of_the_distributions() -> None:
    """The digest names the artifact that holds the list."""
    found = packages.capture()

    assert found.digest == digest_bytes(found.to_json())


def test_python_and_system_are_told() -> None:
    """The interpreter is this one."""
    found = packages.capture()

    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.implementation == sys.implementation.name
    assert found.os


def test_packages_are_looked_up_once() -> None:
    """A process lists its packages once."""
    assert packages.capture() is packages.capture()


@pytest.mark.parametrize("inline", [True, False])
def test_the_facet_is_valid(inline: bool, tmp_path: Path, official: Specification) -> None:
    """With and without the list, and with a lock file, the facet is what its schema says."""
    (tmp_path / "uv.lock").write_bytes(b"version = 1")
    facet = packages.capture(tmp_path).to_facet(inline=inline)
    caller = Caller(
        run=RunRef(run_id="0" * 8 + "-0000-7000-8000-" + "0" * 12, namespace="b", job="t")
    )

    official.validate(
        run_event(
            "START",
            caller=caller,
            time="2025-01-31T12:00:00Z",
            run_facets={"begat_packages": facet},
        )
    )
    assert ("distributions" in facet) == inline
    assert facet["lock"] == {
        "path": str(tmp_path / "uv.lock"),
        "digest": digest_bytes(b"version = 1"),
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["uv.lock", "requirements.txt"], "uv.lock"),
        (["requirements.txt", "Pipfile.lock"], "Pipfile.lock"),
        (["../uv.lock", "requirements.txt"], "requirements.txt"),
        (["../../poetry.lock"], "../../poetry.lock"),
        (["../../poetry.lock", "../.git/HEAD"], ""),
        (["../pdm.lock", "../.git/HEAD"], "../pdm.lock"),
    ],
)
def test_the_nearest_lock_file_counts(tmp_path: Path, files: list[str], expected: str) -> None:
    """It is looked for upwards, one folder after the other, to the repository's root."""
    folder = tmp_path / "repository" / "pipeline"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()  # what lies above the test does not matter
    for name in files:
        path = (folder / name).resolve()
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    found = packages.capture(folder)

    assert found.lock_path == (str((folder / expected).resolve()) if expected else "")
    assert found.lock_digest == (digest_bytes(expected.encode()) if expected else "")
