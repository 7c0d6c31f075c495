"""S3 that tells queues of SQS: two servers, on loopback, that do it in their own ways.

`moto` is among the development dependencies. `ministack` pins a botocore of its own, so it has
an environment of its own beside `.venv`, made by uv when the first test asks for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

MINISTACK = "ministack==1.5.33"
REGION = "us-east-1"
#: Seconds that a server may take to start.
STARTUP = 90.0
_HERE = Path(sys.executable).parent
#: Seconds for which nobody else gets a message that somebody got.
VISIBILITY = 30


class Server:
    """A server of S3 and SQS."""

    def __init__(self, command: list[str], port: int, environment: dict[str, str]) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self._names = count(1)
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait(port)
        self.s3, self.sqs = (self._client(kind) for kind in ("s3", "sqs"))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to find the server."""
        return {
            "AWS_ACCESS_KEY_ID": "begat",
            "AWS_SECRET_ACCESS_KEY": "begat-secret",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def bucket(self, *, versioned: bool = False, visibility: int = VISIBILITY) -> tuple[str, str]:
        """The name of a new bucket, and the URL of a new queue that is told of it."""
        name = f"lake{os.getpid()}-{next(self._names)}"
        self.s3.create_bucket(Bucket=name)
        if versioned:
            self.s3.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        queue = self.queue(name, visibility=visibility)
        about = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        told = {
            "QueueArn": about["Attributes"]["QueueArn"],
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        }
        self.s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"QueueConfigurations": [told]}
        )
        return name, queue

    def queue(self, name: str, *, visibility: int = VISIBILITY) -> str:
        """The URL of a new queue."""
        attributes = {"VisibilityTimeout": str(visibility)}
        return str(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def put(self, bucket: str, key: str, data: bytes = b"a,b\n1,2\n") -> None:
        """Write an object."""
        self.s3.put_object(Bucket=bucket, Key=key, Body=data)

    def send(self, queue: str, body: Any) -> None:
        """Put a message into a queue; a text as it is."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=queue, MessageBody=text)

    def waiting(self, queue: str) -> int:
        """How many messages are in a queue, those that somebody has included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for client in (self.s3, self.sqs):
            client.close()

    def _client(self, kind: str) -> Any:
        import boto3

        return boto3.client(
            kind,
            endpoint_url=self.endpoint,
            aws_access_key_id="begat",
            aws_secret_access_key="begat-secret",
            region_name=REGION,
        )

    def _wait(self, port: int) -> None:
        until = time.monotonic() + STARTUP
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, "the server of SQS ended"
                assert time.monotonic() < until, "the server of SQS did not start"
                time.sleep(0.05)  # nothing tells that it listens
            else:
                return


@contextmanager
def moto() -> Iterator[Server]:
    """Moto's server."""
    port = _free_port()
    command = [str(_HERE / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    yield from _running(command, port, {})


@contextmanager
def ministack() -> Iterator[Server]:
    """Ministack's."""
    port = _free_port()
    environment = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    yield from _running([str(_made() / "bin" / "ministack")], port, environment)


def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[Server]:
    server = Server(command, port, environment)
    try:
        yield server
    finally:
        server.stop()


def _made() -> Path:
    """The environment of ministack; made if it is not there."""
    folder = _HERE.parent / "ministack"
    ready = folder / f".{MINISTACK}"
    with (_HERE.parent / ".ministack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not ready.exists():
            uv = str(_HERE / "uv")
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
            python = str(folder / "bin" / "python")
            _run(uv, "pip", "install", "--quiet", "--python", python, MINISTACK)
            ready.touch()
    return folder


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Server]:
    """One of moto's for all tests of a process, started when the first one asks for it."""
    with moto() as server:
        yield server


@pytest.fixture(scope="session")
def ministack_server() -> Iterator[Server]:
    """One of ministack's for all tests of a process."""
    with ministack() as server:
        yield server


@pytest.fixture(params=["moto", "ministack"])
def queues(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Each of the servers, which this process and those that it starts find."""
    from begat.lineage.content.s3 import client

    server: Server = request.getfixturevalue(f"{request.param}_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    client.forget()
    yield server
    client.forget()
