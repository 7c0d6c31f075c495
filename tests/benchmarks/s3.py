"""What artifacts in S3 cost, beside boto3 alone on the same server; the server's CPU counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from support.seaweed import serving

from . import environments, measure, places
from .results import Figure
from .subject import Tell, probe

STORE, BOTO3 = "S3Store", "bare boto3"
WRITTEN, READ = "written", "read"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """Artifacts of one size."""

    count: int
    size: int
    #: The size as it is told.
    told: str

    def what(self, who: str, done: str) -> str:
        """What is measured: who did something with them."""
        return f"{who}, {self.count} of {self.told} {done}"


SMALL = Kind(count=300, size=4_000, told="4 kB")
#: Sent in parts, from files.
LARGE = Kind(count=2, size=40_000_000, told="40 MB")
KINDS = (SMALL, LARGE)


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """CPU and wall seconds of each way, in one process and on a server that nobody else uses."""
    tell("S3: starting SeaweedFS")
    with serving() as server:
        tell(f"S3: artifacts written and read, {rounds} times each way")
        bucket, pid = server.bucket(), str(server.pid)
        typed, command = probe("s3_speed.py", bucket, pid, str(rounds))
        cost = measure.run(
            command,
            folder=places.fresh(places.WORK / "s3"),
            environment=environments.variables(
                "begat", PYTHONPATH=str(places.HERE.parent), **server.environment
            ),
        )
    figures = {
        name: Figure(
            command=typed.replace(bucket, "BUCKET").replace(pid, "PID"),
            cpu=times["cpu"],
            wall=times["wall"],
        )
        for name, times in json.loads(cost.output).items()
    }
    return {"s3": figures}
