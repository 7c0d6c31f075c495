"""The counts of the flights demo: what runs again after each kind of change, and what does not."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from support.project import Project


def ran(report: dict[str, Any]) -> dict[str, int]:
    """How many tasks of each step did work."""
    done = Counter(
        task["job"].rpartition(".")[2] for task in report["tasks"] if task["state"] == "COMPLETE"
    )
    assert sum(done.values()) == report["executed"]
    return dict(done)


DOWNSTREAM = {"train": 1, "evaluate": 1, "register": 1}


def test_cold_run(demo: tuple[Project, dict[str, Any]]) -> None:
    """A cold run over eleven months does 25 tasks and registers version 1."""
    cold = demo[1]["runs"][0]

    assert ran(cold) == {"prepare": 11, "featurize": 11, **DOWNSTREAM}
    assert cold["model_version"] == "flight-delays@1"


def test_december_arrives(demo: tuple[Project, dict[str, Any]]) -> None:
    """A twelfth month costs 5 tasks and begets version 2."""
    warm = demo[1]["runs"][1]

    assert ran(warm) == {"prepare": 1, "featurize": 1, **DOWNSTREAM}
    assert warm["model_version"] == "flight-delays@2"


def test_nothing_changed(flights: Project) -> None:
    """A second run does nothing, needs no Prefect flow, and names the version that stands."""
    again = flights.run()

    assert again["executed"] == 0
    assert again["reused"] == 27
    assert again["model_version"] == "flight-delays@2"
    assert again["prefect_flow_run_id"] is None


def test_parameter_there_and_back(flights: Project) -> None:
    """Another parameter costs 3 tasks; back at the old value, nothing, and the old version."""
    changed = flights.run("--set", "train.max_iter=20")
    back = flights.run()

    assert ran(changed) == DOWNSTREAM
    assert changed["model_version"] == "flight-delays@3"
    assert back["executed"] == 0
    assert back["model_version"] == "flight-delays@2"


def test_comment_and_docstring(flights: Project) -> None:
    """A comment, a docstring and moved lines change nothing."""
    flights.edit(
        '    """Day of the week, 0 for Monday."""\n', '    """Which day."""\n    # counted\n\n'
    )

    assert flights.run()["executed"] == 0


def test_unrelated_commit(flights: Project) -> None:
    """A commit that touches nothing the tasks reach changes nothing, and is told by later runs."""
    git(flights, "init", "--quiet")
    git(flights, "add", "begat-demo/flights.py")
    git(flights, "commit", "--quiet", "--message", "flights")
    (flights.folder / "README").write_text("unrelated\n")
    flights.edit("LATE = 15", "EARLY = 5\nLATE = 15")
    git(flights, "add", "README", "begat-demo/flights.py")
    git(flights, "commit", "--quiet", "--message", "unrelated")

    assert flights.run()["executed"] == 0
    version = flights.run("--set", "train.max_iter=20")["model_version"]
    assert flights.json("show", version)["code"]["commit"] == git(flights, "rev-parse", "HEAD")


def test_helper_of_featurize(flights: Project) -> None:
    """A changed helper of featurize redoes every month's featurize and what follows."""
    flights.edit(".dt.day_of_week", ".dt.day_of_week + 1")

    assert ran(flights.run()) == {"featurize": 12, **DOWNSTREAM}


def test_lookup(flights: Project) -> None:
    """A changed lookup redoes every prepare and what depends on it."""
    path = flights.folder / "begat-demo" / "lake" / "planes.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *(line.replace(",2004,", ",1990,") for line in lines[1:])]))

    assert ran(flights.run()) == {"prepare": 12, "featurize": 12, **DOWNSTREAM}


def test_harmless_row(flights: Project) -> None:
    """A changed value that prepare drops costs that month's prepare and nothing else."""
    rewrite(flights.month("03"), "air_time")

    assert ran(flights.run()) == {"prepare": 1}


def test_changed_row(flights: Project) -> None:
    """A changed value that matters costs that month and what follows."""
    rewrite(flights.month("03"), "distance")

    assert ran(flights.run()) == {"prepare": 1, "featurize": 1, **DOWNSTREAM}


def test_same_bytes_again(flights: Project) -> None:
    """The same bytes written again change nothing."""
    path = flights.month("03")
    path.write_bytes(path.read_bytes())

    assert flights.run()["executed"] == 0


def test_size_and_mtime_restored(flights: Project) -> None:
    """Changed bytes of the same size, with the old mtime put back, are noticed."""
    flights.run()
    path = flights.month("03")
    before = path.stat()
    rewrite(path, "distance")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_size == before.st_size
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert ran(flights.run()) == {"prepare": 1, "featurize": 1, **DOWNSTREAM}


def test_intermediate_deleted(flights: Project) -> None:
    """A deleted intermediate is made again, with the right bytes."""
    path = intermediate(flights)
    content = path.read_bytes()
    path.unlink()

    assert ran(flights.run()) == {"prepare": 1}
    assert path.read_bytes() == content


def test_intermediate_overwritten(flights: Project) -> None:
    """An overwritten intermediate is noticed and made again, with the right bytes."""
    path = intermediate(flights)
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + b"?")

    assert ran(flights.run()) == {"prepare": 1}
    assert path.read_bytes() == content


def test_pedigree_never_looks_ahead(flights: Project) -> None:
    """What version 1 is shown to stand on names nothing that came after it, whatever ran later."""
    intermediate(flights).unlink()
    flights.run()
    flights.run("--set", "train.max_iter=20")
    shown = flights.json("show", "flight-delays@1")
    created = shown["created_at"]

    assert all("2013-12" not in entry["partition"] for entry in shown["inputs"])
    runs = {task["run_id"] for task in shown["tasks"]}
    with sqlite3.connect(flights.folder / ".begat" / "begat.db") as database:
        started = dict(database.execute("SELECT uuid, started_at FROM run"))
    assert runs
    assert all(started[run] <= created for run in runs)


def git(project: Project, *arguments: str) -> str:
    """Run git in a project."""
    who = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=project.folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def rewrite(path: Path, column: str) -> None:
    """Change a digit of the first row that has a number in `column`; the size stays."""
    lines = path.read_text().splitlines(keepends=True)
    at = lines[0].rstrip("\n").split(",").index(column)
    for number, line in enumerate(lines[1:], start=1):
        values = line.rstrip("\n").split(",")
        if values[at] and values[lines[0].split(",").index("arr_delay")]:
            digit = values[at][0]
            values[at] = ("2" if digit == "1" else "1") + values[at][1:]
            lines[number] = ",".join(values) + "\n"
            break
    path.write_text("".join(lines))


def intermediate(project: Project) -> Path:
    """The artifact of a prepared month."""
    with sqlite3.connect(project.folder / ".begat" / "begat.db") as database:
        ((digest,),) = database.execute(
            "SELECT digest FROM version JOIN dataset ON dataset.id = version.dataset "
            "WHERE name = 'flight-delays/prepared' AND partition = 'month=2013-03'"
        )
    (path,) = (project.folder / ".begat" / "artifacts").rglob(f"*{digest.rpartition(':')[2][8:]}*")
    return path
