"""SeaweedFS tells `begat serve`, and a watcher on the same store takes it from there."""

from __future__ import annotations

import time
from pathlib import Path

from begat.lineage.workspace import workspace
from support import seaweed
from support.arriving import Told, rows, watcher
from support.server import serving

_TOLD = """[notification.webhook]
enabled = true
endpoint = "{url}/api/v2/arrivals"
"""


def test_seaweed_tells(tmp_path: Path, home: Path) -> None:
    """Objects arrive once, also those that were uploaded in parts; folders and parts do not."""
    space = workspace()
    folder = tmp_path / "seaweed"
    folder.mkdir()
    with serving(home, store=space.settings.store) as server:
        (folder / "notification.toml").write_text(_TOLD.format(url=server.base))
        weed = seaweed.Server(folder)
        try:
            bucket = weed.bucket()
            weed.put(bucket, "raw/month=2013-11/flights.csv", b"one")
            named = {"Bucket": bucket, "Key": "raw/month=2013-12/flights.csv"}
            upload = weed.client.create_multipart_upload(**named)["UploadId"]
            part = weed.client.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"two")
            weed.client.complete_multipart_upload(
                **named,
                UploadId=upload,
                MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
            )
            told = Told()
            pattern = f"s3://{bucket}/raw/month={{month}}/flights.csv"
            watching = watcher(told=told, pattern=pattern)
            until = time.monotonic() + 60
            while watching.counts["new"] < 2 and time.monotonic() < until:
                watching.adopt()
            watching.settle(force=True)
            listed = weed.client.list_objects_v2(Bucket=bucket)["Contents"]
        finally:
            weed.stop()
    digests = [digest for (digest,) in rows(space.store, "digest")]

    assert told.partitions == [["month=2013-11", "month=2013-12"]]
    assert {one["ETag"].strip('"') for one in listed} == {*digests}
