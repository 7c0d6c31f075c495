"""The pictures of the flights demo, as a user gets at them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from support.project import Project

NAMES = ["calibration", "confusion", "importances", "learning", "pr", "roc"]


def test_show_names_the_pictures(flights: Project) -> None:
    """`begat show` says which pictures a version has, and how to get at them."""
    shown = flights.begat("show", "flight-delays@2").stdout

    assert f"pictures  {', '.join(NAMES)}  (begat pictures flight-delays@2 --folder" in shown


def test_pictures_become_files(flights: Project) -> None:
    """`begat pictures` lists them, and writes them with the numbers they were drawn from."""
    found = flights.json("pictures", "flight-delays@2", "--folder", "out/pictures")["pictures"]
    files = sorted((flights.folder / "out" / "pictures").iterdir())
    curves = json.loads((flights.folder / "out" / "pictures" / "curves.json").read_bytes())

    assert [path.name for path in files] == sorted(
        ["curves.json", *(f"{name}.svg" for name in NAMES)]
    )
    assert {Path(one["path"]).name for one in found} == {path.name for path in files}
    assert all(
        ElementTree.parse(path).getroot().tag.endswith("}svg") and path.stat().st_size < 50_000
        for path in files
        if path.suffix == ".svg"
    )
    assert {"left_out", *NAMES} == set(curves)
    assert (
        flights.begat("pictures", "flight-delays@2").stdout.splitlines()[-1].startswith("curves ")
    )


def test_pictures_of_each_version_are_its_own(flights: Project) -> None:
    """Version 1 was evaluated on another month, and has other pictures."""
    digests = [
        {one["picture"]: one["digest"] for one in flights.json("pictures", ref)["pictures"]}
        for ref in ("flight-delays@1", "flight-delays@2")
    ]

    assert digests[0].keys() == digests[1].keys()
    assert all(digests[0][name] != digests[1][name] for name in NAMES)


def test_what_has_no_pictures_is_told(flights: Project) -> None:
    """A folder that cannot be written and data that has no pictures are one line each."""
    (flights.folder / "file").touch()
    refused = flights.begat("pictures", "flight-delays@2", "--folder", "file/x", code=2).stderr
    data = flights.begat("pictures", "weather.csv", code=2).stderr

    assert "begat: file/x" in refused
    assert "name another --folder" in refused
    assert "pictures belong to a model version or a run" in data


def test_a_lost_picture_is_drawn_again(flights: Project) -> None:
    """A picture that was deleted costs an evaluate, and has the same bytes."""
    [roc] = [
        one
        for one in flights.json("pictures", "flight-delays@2")["pictures"]
        if one["picture"] == "roc"
    ]
    artifacts = flights.folder / ".begat" / "artifacts"
    [path] = artifacts.rglob(f"*{roc['digest'].rpartition(':')[2][8:]}*")
    content = path.read_bytes()
    path.unlink()
    done = flights.run()

    assert [task["job"] for task in done["tasks"] if task["state"] == "COMPLETE"] == [
        "flight-delays.evaluate"
    ]
    assert path.read_bytes() == content
