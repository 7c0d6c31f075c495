"""Environments: one a peer, made here from its pinned requirements; one thread, no telemetry."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from uv import find_uv_bin

from . import places

#: Every peer runs under these: nothing calls home, and numbers add up on one thread.
QUIET: Mapping[str, str] = {
    "OMP_NUM_THREADS": "1",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_LOGGING_VERBOSITY": "WARN",
    "AUTO_OPEN_DASHBOARD": "false",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}
_VERSIONS = (
    "import importlib.metadata as m, json; "
    "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
)


def requirements(name: str) -> Path:
    """The pinned requirements of a peer's environment."""
    return places.HERE / "peers" / name / "requirements.txt"


def make(name: str) -> Path:
    """The Python of a peer's environment, which is made if it is not there or its pins changed.

    Raises:
        subprocess.CalledProcessError: uv could not install it.
    """
    if name == "begat":
        return Path(sys.executable)
    return install(requirements(name), places.VENVS / name)


def install(pins: Path, folder: Path) -> Path:
    """The Python of an environment in a folder, made if it is not there or its pins changed.

    Raises:
        subprocess.CalledProcessError: uv could not install it.
    """
    python, mark = folder / "bin" / "python", folder / "requirements.digest"
    digest = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    if mark.exists() and mark.read_text() == digest:
        return python
    uv = find_uv_bin()
    subprocess.run(
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True
    )
    # Compiled now: no run is to pay for it.
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "-r", pins],
        check=True,
    )
    mark.write_text(digest)
    return python


def variables(name: str, **more: str) -> dict[str, str]:
    """All environment variables of a peer's process: its environment comes first on PATH."""
    places.HOME.mkdir(parents=True, exist_ok=True)
    scripts = make(name).parent
    return {
        **QUIET,
        "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(places.HOME),
        **more,
    }


def versions(name: str) -> dict[str, str]:
    """The version of each distribution in a peer's environment."""
    found = subprocess.run(
        [make(name), "-c", _VERSIONS], check=True, capture_output=True, text=True
    ).stdout
    installed: dict[str, str] = json.loads(found)
    return installed
