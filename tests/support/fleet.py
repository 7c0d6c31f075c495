"""The processes that deployments/compose.yaml starts, without containers.

Commands, variables and health checks are those of the file. What containers would give is
given otherwise: names of services are loopback, ports are free ones, volumes are folders, and
PostgreSQL is the tests' own, on its socket.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from . import images, postgres, seaweed
from .gate import PATIENCE

#: Seconds between two looks at a service's health.
_LOOK = 0.2
#: What services other than PostgreSQL listen on; further ones of SeaweedFS's have defaults.
_PORTS = {"4200": "prefect", "8080": "begat", "8081": "worker", "8333": "objects"}
_OF_OBJECTS = ("master.port", "volume.port", "filer.port", "admin.port")
_DATABASES = ("lineage", "prefect")
#: What tests need not wait for: the last of two equal options counts.
_SOONER = {"watcher": ["--quiet-period=1"]}
#: Looking for work every second, and on the threads that recipes are measured with.
_QUICK = {
    "OMP_NUM_THREADS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
}


class Fleet:
    """Services of compose.yaml as processes, each started when it is asked for.

    Attributes:
        project: the folder that `train` has at /project; the worker works there.
        values: what stands in `.env`.
        database: the server that has the place of `postgres`.
    """

    def __init__(self, folder: Path, database: postgres.Server) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        self.database = database
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        ports = seaweed._free_ports(len(_PORTS) + len(_OF_OBJECTS))
        self._ports = dict(zip(_PORTS, ports, strict=False))
        self._further = dict(zip(_OF_OBJECTS, ports[len(_PORTS) :], strict=True))
        self.values = {
            name: secrets.token_hex(8)
            for name, unset in images.variables().items()
            if unset.startswith("?")
        }
        self.values["SOURCE"] = "s3://lake/raw/month={month}/*.csv"
        self.values["TRAIN_DIGEST"] = f"sha256:{secrets.token_hex(32)}"
        self._create_databases()

    def url(self, service: str) -> str:
        """Where a service answers."""
        port = next(port for port, name in _PORTS.items() if name == service)
        return f"http://127.0.0.1:{self._ports[port]}"

    @property
    def auth(self) -> tuple[str, str]:
        """Who may ask Prefect."""
        return "admin", self.values["PREFECT_PASSWORD"]

    def environment(self, service: str) -> dict[str, str]:
        """The variables that a service's processes have, and nothing else."""
        image = images.stages()["base"].environment()
        own = self._service(service).get("environment", {})
        found = {key: self._here(service, value) for key, value in (image | own).items()}
        programs = (Path(sys.executable).parent, self.database.programs)
        return {
            **found,
            **_QUICK,
            "HOME": str(self._volume(service)),
            "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
        }

    def run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as `docker compose run --rm SERVICE` does, and take what it prints."""
        return subprocess.run(
            command,
            env=self.environment(service),
            cwd=self._folder(service),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def start(self, *services: str) -> None:
        """Start services, and wait until all are healthy."""
        for service in services:
            command = [self._here(service, text) for text in self._service(service)["command"]]
            command += _SOONER.get(service, [])
            if service == "objects":
                ports = [f"-{name}={port}" for name, port in self._further.items()]
                command = ["weed", *command, *ports]
            with self._log(service).open("ab") as log:
                self._running[service] = subprocess.Popen(
                    command,
                    env=self.environment(service),
                    cwd=self._folder(service),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        for service in services:
            self._wait(service)

    def is_healthy(self, service: str) -> bool:
        """What its health check says."""
        program, *arguments = self._service(service)["healthcheck"]["test"][1:]
        if program == "wget":  # of Alpine's, which this machine need not have
            with suppress(httpx.HTTPError):
                return httpx.get(self._here(service, arguments[-1])).is_success
            return False
        return (
            self.run(service, program, *(self._here(service, a) for a in arguments)).returncode == 0
        )

    def stop(self, *services: str) -> dict[str, int]:
        """End services as `docker compose stop` does; their exit codes."""
        found = {service: self._running.pop(service) for service in services}
        for process in found.values():
            process.terminate()
        try:
            return {service: process.wait(PATIENCE) for service, process in found.items()}
        finally:
            for process in found.values():
                process.kill()

    def close(self) -> None:
        """End all that runs."""
        if "objects" in self._running:  # asked politely it takes twelve seconds
            objects = self._running.pop("objects")
            objects.kill()
            objects.wait()
        self.stop(*self._running)

    def ask_prefect(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What Prefect's API answers."""
        address = f"{self.url('prefect')}/api{path}"
        answer = httpx.request(method, address, json=body, auth=self.auth, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def log(self, service: str) -> str:
        """What a service has printed."""
        return self._log(service).read_text(errors="replace")

    def _service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = images.compose(self.values)["services"][name]
        return found

    def _here(self, service: str, text: str) -> str:
        """What a container is told, for a process of this machine."""
        folder, socket = str(self._volume(service)), str(self.database.folder)
        text = re.sub(r"(?<!\w)/(var/lib/begat|data|tmp)\b", folder, text)
        text = re.sub(r"@postgres:5432/(\w+)", rf"@/\1?host={socket}", text)
        text = text.replace("--host=127.0.0.1", f"--host={socket}")
        text = re.sub(rf"\b({'|'.join(_PORTS)})\b", lambda found: str(self._ports[found[1]]), text)
        text = re.sub(rf"(//|-ip=)({'|'.join(_PORTS.values())})(?=:|$)", r"\g<1>127.0.0.1", text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def _volume(self, service: str) -> Path:
        folder = self.folder / service
        folder.mkdir(exist_ok=True)
        return folder

    def _folder(self, service: str) -> Path:
        return self.project if service == "worker" else self._volume(service)

    def _log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def _wait(self, service: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.is_healthy(service):
            code = self._running[service].poll()
            said = f"{service} ({code}) is not healthy:\n{self.log(service)[-4000:]}"
            assert code is None, said
            assert time.monotonic() < end, said
            threading.Event().wait(_LOOK)

    def _create_databases(self) -> None:
        """Run what PostgreSQL's image runs at its first start; from now on passwords count."""
        script = images.compose(self.values)["configs"]["databases"]["content"]
        server = {"PGHOST": str(self.database.folder), "PGUSER": "begat"}
        subprocess.run(
            ["bash", "-ec", script],
            env=self.environment("postgres") | server,
            check=True,
            capture_output=True,
        )
        self.database.execute(f"GRANT careful TO {', '.join(_DATABASES)}")


def complete_programs() -> Path | None:
    """Where a PostgreSQL is that has `pg_trgm`, as Prefect needs it; None if this machine has none.

    The one of the wheel has no extensions.
    """
    for programs in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        shared = Path("/usr/share/postgresql") / programs.parent.name
        if (shared / "extension" / "pg_trgm.control").exists() and (programs / "postgres").exists():
            return programs
    return None


@contextmanager
def running(folder: Path) -> Iterator[Fleet]:
    """A fleet in which only PostgreSQL runs yet; at the end nothing runs any more."""
    with postgres.serving(complete_programs()) as database:
        fleet = Fleet(folder, database)
        try:
            yield fleet
        finally:
            fleet.close()


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One for all tests of a process; each test asks for what it needs to run."""
    if complete_programs() is None:
        pytest.skip("Prefect needs a PostgreSQL with pg_trgm; apt-get install postgresql has it")
    with running(tmp_path_factory.mktemp("fleet")) as made:
        yield made
