"""A pipeline whose data and artifacts are in S3."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline
from begat.flows.report import Report
from begat.lineage import DatasetVersion, load, plain, read, source, write
from begat.lineage.cli.data import data
from begat.lineage.settings import load as settings
from begat.lineage.verify import verification
from begat.lineage.workspace import using
from support.recorder import Recorder
from support.seaweed import Server

MONTHS = ("2013-01", "2013-02", "2013-03")


def clean(frame: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    return frame.merge(planes, on="plane")


def features(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["distance", "seats", "late"]]


def rides(shift: int = 0) -> bytes:
    rows = [f"{n % 3},{n * 10},{int(n % 7 < 3)}" for n in range(shift, shift + 60)]
    return "\n".join(["plane,distance,late", *rows, ""]).encode()


def pipeline(bucket: str) -> Pipeline:
    return Pipeline(
        name="rides",
        source=f"s3://{bucket}/raw/month={{month}}/rides.csv",
        lookups={"planes": f"s3://{bucket}/planes.csv"},
        prepare=clean,
        featurize=features,
        estimator=DecisionTreeClassifier(random_state=0),
        target="late",
    )


def ran(report: Report) -> list[str]:
    """What did not come from an earlier run."""
    return [
        f"{task.job.rpartition('.')[2]} {task.partition}".strip()
        for task in report.tasks
        if task.state == "COMPLETE"
    ]


@plain.task
def count(rows: DatasetVersion) -> DatasetVersion:
    """How many rows there are."""
    return write({"rows": len(read(rows))}, "count")


@pytest.mark.parametrize("versioned", [False, True])
def test_only_what_changed(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versioned: bool
) -> None:
    """Nothing runs twice, a changed object runs its own part, and what was read is had again."""
    bucket = s3.bucket(versioned=versioned)
    monkeypatch.setenv("BEGAT_ARTIFACTS", f"s3://{s3.bucket()}/artifacts")
    s3.put(bucket, "planes.csv", b"plane,seats\n0,10\n1,20\n2,30\n")
    for n, month in enumerate(MONTHS):
        s3.put(bucket, f"raw/month={month}/rides.csv", rides(n))
    with using(Recorder(settings())) as space:
        one = pipeline(bucket).run(adapter="plain")
        two = pipeline(bucket).run(adapter="plain")
        version = s3.put(bucket, "raw/month=2013-02/rides.csv", rides(9))
        three = pipeline(bucket).run(adapter="plain")
        with verification(space, "rides@1") as done:
            report = done.report
        assert isinstance(space, Recorder)
        [read] = [
            part
            for part in space.of("rides.prepare", "COMPLETE")[-1]["inputs"]
            if part["name"] == "raw"
        ]

        assert len(ran(one)) == 9
        assert ran(two) == []
        assert ran(three) == [
            "prepare month=2013-02",
            "featurize month=2013-02",
            "train",
            "evaluate",
            "register",
        ]
        assert report.sound, report.findings
        assert load("rides@2") is not None
    assert (f"versionId={version}" in str(read)) is versioned


def test_version_was_removed(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a version that somebody removed, it is said where it was: it never was an artifact."""
    bucket = s3.bucket(versioned=True)
    monkeypatch.setenv("BEGAT_ARTIFACTS", f"s3://{s3.bucket()}/artifacts")
    version = s3.put(bucket, "raw.csv", b"a\n1\n")
    place = f"s3://{bucket}/raw.csv?versionId={version}"
    with using(Recorder(settings())) as space:
        with plain.flow("counting") as flow:
            count(source(f"s3://{bucket}/raw.csv"))
        s3.client.delete_object(Bucket=bucket, Key="raw.csv", VersionId=version)
        with verification(space, flow.run.run_id) as done:
            [finding] = done.report.findings
        shown = CliRunner().invoke(data, ["status", flow.run.run_id, "--dataset", "raw"])

    assert finding.says == f"is not at {place}, where it was left, nor in the artifact store"
    assert f"gone; it was left at {place}" in "".join(shown.stdout.split("\n"))
