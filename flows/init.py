"""A pipeline to begin with, and data for it: made up, the same wherever and whenever."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from begat.lineage.errors import UserError

PIPELINE: Final = "pipeline.py"
IGNORED: Final = ".begat/"
#: Of the last month one learns how data arrives.
MONTHS: Final = tuple(f"2024-{month:02}" for month in range(1, 7))
ROWS: Final = 300
_DATA: Final = "data/deliveries"
#: Depot, vans, and how fast they are: kilometres an hour.
_DEPOTS: Final = (("east", 9, 26), ("north", 4, 31), ("south", 6, 22), ("west", 5, 28))
#: Inside a git hook they would name another repository than the folder's.
_ELSEWHERE: Final = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")


class FolderError(UserError):
    """The folder cannot take a starter pipeline."""


def write(folder: Path) -> list[Path]:
    """Lay out the pipeline and its data; all of it, or nothing.

    In a git repository that does not ignore `.begat/` yet, `.gitignore` gets a line for it.

    Args:
        folder: made if it is not there.

    Returns:
        What was written, relative to the folder.

    Raises:
        FolderError: a file is there already, or the folder cannot be written.
    """
    files = content()
    _refuse_what_is_there(folder, files)
    try:
        with _undone_if_it_fails() as made:
            for name, text in files.items():
                _make_folders((folder / name).parent, made)
                with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                    made.append(folder / name)
                    file.write(text)
            ignored = _ignore(folder, made)
    except FileExistsError as error:
        raise FolderError(f"{error.filename} is in the way; name another folder") from None
    except OSError as error:
        raise FolderError(
            f"{error.filename or folder} cannot be written ({error.strerror}); name another folder"
        ) from None
    return [Path(name) for name in (*files, *ignored)]


def content() -> dict[str, str]:
    """Every file by its path in the folder."""
    template = resources.files(__package__).joinpath("starter", PIPELINE)
    depots = (f"{depot},{vans}" for depot, vans, _ in _DEPOTS)
    *there, arriving = MONTHS
    return {
        PIPELINE: template.read_text(encoding="utf-8"),
        "data/depots.csv": "\n".join(["depot,vans", *depots, ""]),
        **{f"{_DATA}/month={month}.csv": _deliveries(month) for month in there},
        f"arriving/month={arriving}.csv": _deliveries(arriving),
    }


def _deliveries(month: str) -> str:
    # Of all of `random`, only the values of random() are promised to stay for ever.
    chance = random.Random(int(month.replace("-", ""))).random
    return "\n".join(
        [
            "day,hour,depot,distance_km,weight_kg,promised_min,took_min",
            *(_delivery(month, [chance() for _ in range(7)]) for _ in range(ROWS)),
            "",
        ]
    )


def _delivery(month: str, chance: list[float]) -> str:
    hour = 8 + int(12 * chance[1])
    depot, vans, speed = _DEPOTS[int(len(_DEPOTS) * chance[2])]
    distance = 1 + 24 * chance[3] ** 2
    weight = 0.2 + 20 * chance[4] ** 3
    promised = 5 * round((23 + 2.3 * distance) / 5)
    rush = max(0.0, 1 - abs(hour - 17) / 3)
    took = 60 * distance / speed * (1 + 0.5 * rush) + 60 / vans + weight / 2 + 15 * chance[5] ** 2
    arrived = f"{took:.0f}" if chance[6] > 0.03 else ""
    day = f"{month}-{1 + int(28 * chance[0]):02}"
    return f"{day},{hour},{depot},{distance:.1f},{weight:.1f},{promised},{arrived}"


def _refuse_what_is_there(folder: Path, files: dict[str, str]) -> None:
    found = [name for name in files if os.path.lexists(folder / name)]
    # Another month beside the starter's would be trained on as well.
    months = sorted((folder / _DATA).glob("month=*.csv"))
    found += [path.relative_to(folder).as_posix() for path in months]
    names = [str(folder / name) for name in dict.fromkeys(found)]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise FolderError(
            f"there is {', '.join(names[:3])}{more} already, and nothing is overwritten; "
            "name another folder, which may be a new one"
        )


@contextmanager
def _undone_if_it_fails() -> Iterator[list[Path]]:
    """Removes what was made inside, the last first, if not all of it could be."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in reversed(made):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    for path in reversed([folder, *folder.parents]):
        if not path.is_dir():
            path.mkdir()
            made.append(path)


def _ignore(folder: Path, made: list[Path]) -> list[str]:
    """Have git ignore `.begat/`: the file that says so now, if any had to."""
    if not _would_be_committed(folder):
        return []
    path = folder / ".gitignore"
    before = path.read_bytes() if path.exists() else b""
    if not before:
        made.append(path)
    line = f"{IGNORED}\n".encode()
    with path.open("ab") as file:
        file.write(line if before.endswith(b"\n") or not before else b"\n" + line)
    return [path.name]


def _would_be_committed(folder: Path) -> bool:
    """Whether the folder is in a git repository that does not ignore `.begat/`."""
    try:
        asked = subprocess.run(
            ["git", "check-ignore", "--quiet", f"{IGNORED}begat.db"],
            cwd=folder,
            env={key: value for key, value in os.environ.items() if key not in _ELSEWHERE},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False  # without git there is nothing to keep it out of
    return asked.returncode == 1
