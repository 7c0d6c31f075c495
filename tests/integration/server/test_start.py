"""What `begat serve` and `begat token` say and refuse, as processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support.server import serving


def begat(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "begat.lineage.cli", *arguments],
        env={**os.environ, "BEGAT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_open_to_others(tmp_path: Path) -> None:
    """Without a token only loopback is served on; the refusal says why, and what to do."""
    done = begat(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")

    assert done.returncode == 2
    assert "begat token create" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_that_is_worth_nothing_opens_nothing(tmp_path: Path) -> None:
    """A revoked token is not enough to serve others; one that is active is."""
    made = json.loads(begat(tmp_path, "token", "create", "me", "--scope", "admin", "--json").stdout)
    revoked = begat(tmp_path, "token", "revoke", made["id"])
    refused = begat(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    text = begat(tmp_path, "token", "create", "me", "--scope", "read").stdout.strip()

    assert revoked.returncode == 0
    assert refused.returncode == 2
    store = f"sqlite:///{tmp_path / 'begat.db'}"
    with serving(tmp_path, "--host", "0.0.0.0", store=store) as server:
        url = server.base.replace("0.0.0.0", "127.0.0.1") + "/api/v2/events"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"Authorization": f"Bearer {text}"}).status_code == 200


def test_a_port_in_use(tmp_path: Path) -> None:
    """A port that another program has is an error of one line that names it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = begat(tmp_path, "serve", "--port", port)

    assert done.returncode == 2
    assert port in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_no_address_of_this_machine(tmp_path: Path, host: str) -> None:
    """An address that is not this machine's is an error of one line that names it."""
    begat(tmp_path, "token", "create", "me", "--scope", "admin")
    done = begat(tmp_path, "serve", "--host", host, "--port", "0")

    assert done.returncode == 2
    assert host in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_tokens_as_commands(tmp_path: Path) -> None:
    """Tokens are made, listed and revoked; what a token is, is printed once and alone."""
    made = begat(tmp_path, "token", "create", "ci", "--scope", "ingest", "--expires", "30")
    [listed] = json.loads(begat(tmp_path, "token", "list", "--json").stdout)["tokens"]
    shown = begat(tmp_path, "token", "list").stdout
    revoked = [begat(tmp_path, "token", "revoke", listed["id"]).returncode for _ in range(2)]
    unknown = begat(tmp_path, "token", "revoke", "nobody")

    assert made.stdout.startswith("begat_")
    assert len(made.stdout.splitlines()) == 1
    assert (listed["name"], listed["scopes"], listed["state"]) == ("ci", ["ingest"], "active")
    assert "ci" in shown
    assert made.stdout.strip() not in shown + json.dumps(listed)
    assert revoked == [0, 0]
    assert unknown.returncode == 2
    assert "begat token list" in unknown.stderr


def test_help_is_light(tmp_path: Path) -> None:
    """Help imports no server."""
    code = (
        "import sys; from begat.lineage import cli; sys.argv=['begat','serve','--help'];\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print([n for n in ('fastapi','uvicorn','starlette','prometheus_client','sqlalchemy')"
        " if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.splitlines()[-1] == "[]"
