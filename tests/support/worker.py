"""A process worker of Prefect's and deployments for it, over the server's HTTP API."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from .gate import PATIENCE

#: Seconds between two looks at a condition.
_LOOK = 0.1


def until(condition: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """Wait until something holds; fail if it does not within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        threading.Event().wait(_LOOK)


def peer(stopped: socket.socket) -> int:
    """The process at the other end of a local socket."""
    said = stopped.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", said)[0])


class Pool:
    """A work pool with one worker."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._api = httpx.Client(base_url=url, timeout=30)
        self._post("/work_pools/", {"name": name, "type": "process"})

    def deploy(self, flow: str, *, folder: Path, entrypoint: str, env: Mapping[str, str]) -> str:
        """Register a deployment; its id."""
        made = self._post("/flows/", {"name": flow})
        step = {"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}
        about = {
            "name": self.name,
            "flow_id": made["id"],
            "entrypoint": entrypoint,
            "work_pool_name": self.name,
            "pull_steps": [step],
            "job_variables": {"env": dict(env)},
        }
        return str(self._post("/deployments/", about)["id"])

    def start(self, deployment: str) -> str:
        """Ask for a run; its id."""
        return str(self._post(f"/deployments/{deployment}/create_flow_run", {})["id"])

    def cancel(self, flow_run: str) -> None:
        """Ask for the end of a run, as Prefect's page does."""
        state = {"type": "CANCELLING", "name": "Cancelling"}
        self._post(f"/flow_runs/{flow_run}/set_state", {"state": state})

    def state(self, flow_run: str) -> str:
        """The name of a run's state, as Prefect says."""
        return str(self._api.get(f"/flow_runs/{flow_run}").json()["state"]["name"])

    def close(self) -> None:
        """Forget the pool."""
        self._api.delete(f"/work_pools/{self.name}")
        self._api.close()

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self._api.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


@contextmanager
def worker(environment: Mapping[str, str], folder: Path) -> Iterator[Pool]:
    """A pool whose worker looks for work every second; it is gone at the end of the block."""
    pool = Pool(environment["PREFECT_API_URL"], f"pool-{folder.name}".replace("_", "-"))
    quick = {
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool.name]
    with open(folder / "worker.log", "wb") as log:
        process = subprocess.Popen(
            [*command, "--type", "process"],
            env={**environment, **quick},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield pool
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                pool.close()
