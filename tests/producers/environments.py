"""Environments: one a producer, made from its pins; nothing calls home, events go to a file."""

from __future__ import annotations

from pathlib import Path

from benchmarks.environments import QUIET, install

from . import places

#: The namespace of every job, whoever runs it.
NAMESPACE = "shop"


def make(name: str) -> Path:
    """The Python of a producer's environment, which is made if it is not there.

    Raises:
        subprocess.CalledProcessError: uv could not install it.
    """
    return install(places.HERE / "pins" / f"{name}.txt", places.VENVS / name)


def variables(name: str, stream: Path, **more: str) -> dict[str, str]:
    """All environment variables of a producer's process, which appends its events to a file."""
    places.HOME.mkdir(parents=True, exist_ok=True)
    return {
        **QUIET,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
        "PATH": f"{make(name).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(places.HOME),
        "OPENLINEAGE_NAMESPACE": NAMESPACE,
        "OPENLINEAGE__TRANSPORT__TYPE": "file",
        "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(stream),
        "OPENLINEAGE__TRANSPORT__APPEND": "true",
        **more,
    }
