"""Commands on a pipeline whose data and artifacts are in S3: what they remember, and refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.forks import Commands, Done, serving
from support.seaweed import Server

PIPELINE = """\
from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline


def clean(frame, planes):
    return frame.merge(planes, on="plane")


def features(frame):
    return frame[["distance", "seats", "late"]]


pipeline = Pipeline(
    name="rides",
    source="s3://BUCKET/raw/month={month}/rides.csv",
    lookups={"planes": "s3://BUCKET/planes.csv"},
    prepare=clean,
    featurize=features,
    estimator=DecisionTreeClassifier(random_state=0),
    target="late",
)
"""
Ask = Callable[..., Done]


def rides(shift: int) -> bytes:
    rows = [f"{n % 3},{n * 10:04},{int(n % 7 < 3)}" for n in range(shift, shift + 60)]
    return "\n".join(["plane,distance,late", *rows, ""]).encode()


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Commands in processes of their own."""
    with serving(tmp_path_factory.mktemp("commands")) as found:
        yield found


@pytest.fixture
def bucket(s3: Server) -> str:
    """A bucket with data."""
    name = s3.bucket()
    s3.put(name, "planes.csv", b"plane,seats\n0,10\n1,20\n2,30\n")
    for month in (1, 2):
        s3.put(name, f"raw/month=2013-0{month}/rides.csv", rides(month))
    return name


@pytest.fixture
def begat(s3: Server, bucket: str, commands: Commands, tmp_path: Path) -> Ask:
    """Runs a command on a pipeline that reads that bucket."""
    (tmp_path / "rides.py").write_text(PIPELINE.replace("BUCKET", bucket))
    own = {
        "BEGAT_HOME": str(tmp_path / "home"),
        "BEGAT_ARTIFACTS": f"s3://{s3.bucket()}/artifacts",
        **s3.environment,
    }

    def ask(command: str, *arguments: str, **environment: str) -> Done:
        words = (command, "rides.py:pipeline", *arguments)
        return commands.run(tmp_path, *words, environment={**own, **environment})

    return ask


def stale(plan: Done) -> list[str]:
    """What a plan says has to run."""
    assert plan.code == 0, plan.err
    return [
        f"{task['job'].rpartition('.')[2]} {task['partition']}".strip()
        for task in plan.said["tasks"]
        if task["state"] != "REUSED"
    ]


def test_remembered_while_the_listing_is_the_same(s3: Server, bucket: str, begat: Ask) -> None:
    """A plan is remembered until an object is another one, a new one, or gone."""
    ran = begat("run", "--plain", "--json")
    again = begat("plan", "--json")
    s3.put(bucket, "raw/month=2013-02/rides.csv", rides(9))  # of the same size
    changed = begat("plan", "--json")
    s3.put(bucket, "raw/month=2013-02/rides.csv", rides(2))
    back = begat("plan", "--json")
    s3.put(bucket, "raw/month=2013-03/rides.csv", rides(3))
    more = begat("plan", "--json")

    assert ran.code == 0, ran.err
    assert (again.remembered, stale(again)) == (True, [])
    assert (changed.remembered, stale(changed)[0]) == (False, "prepare month=2013-02")
    assert stale(back) == []
    assert (more.remembered, stale(more)[0]) == (False, "prepare month=2013-03")


@pytest.mark.parametrize("changed", [{"AWS_SECRET_ACCESS_KEY": "wrong"}, {"AWS_PROFILE": "nobody"}])
def test_refused(begat: Ask, changed: dict[str, str]) -> None:
    """Wrong credentials end a command with one line, and no traceback."""
    for command in (("plan",), ("run", "--plain")):
        done = begat(*command, **changed)

        assert (done.code != 0, done.out) == (True, "")
        assert "Traceback" not in done.err
        assert "check" in done.err.strip().splitlines()[-1]
