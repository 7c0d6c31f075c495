"""Where begat keeps things and what it was told: BEGAT_* and `[tool.begat]`.

| setting | environment | pyproject.toml | default |
|---|---|---|---|
| home | BEGAT_HOME | - | the nearest `.begat/` upwards, else `.begat/` here |
| store | BEGAT_STORE | - | `sqlite:///{home}/begat.db` |
| artifacts | BEGAT_ARTIFACTS | - | `{home}/artifacts`; or `s3://bucket/prefix` |
| namespace | BEGAT_NAMESPACE | `namespace` | `begat` |
| image_digest | BEGAT_IMAGE_DIGEST | - | none |
| forward_seconds | BEGAT_FORWARD_SECONDS | - | 5 |
| lease_seconds | BEGAT_LEASE_SECONDS | - | 30 |
| runner | BEGAT_RUNNER | - | threads |
| first_party | - | `first_party` | none beyond what recipes find by themselves |
| trusted_types | - | `trusted_types` | none beyond the reviewed ones |
| policy | - | `policy` | see `registry.policy` |

The environment wins over `pyproject.toml`, which is the nearest one upwards.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SettingsError


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings, resolved. `load()` makes them; nothing else reads the environment."""

    #: Folder of all local state.
    home: Path
    #: Database URL, in SQLAlchemy's form: of a file of SQLite's, or of PostgreSQL.
    store: str
    #: Folder of the artifact store, or `s3://bucket/prefix`.
    artifacts: str
    #: OpenLineage namespace of begat's jobs.
    namespace: str = "begat"
    #: `sha256:…` of the image the tasks run in, as the deployment handed it in.
    image_digest: str = ""
    #: How long the end of a process may wait for other OpenLineage backends to take its events.
    forward_seconds: float = 5.0
    #: How long after its last sign of life a process that cannot be seen from here is held alive.
    lease_seconds: float = 30.0
    #: Where an orchestrator runs tasks, as its adapter names it; empty for its default.
    runner: str = ""
    #: Names of further modules whose code belongs to recipes.
    first_party: tuple[str, ...] = ()
    #: Full names of further types that a model file may hold.
    trusted_types: tuple[str, ...] = ()
    #: The registry's rules as they are written, for every model.
    policy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spool(self) -> Path:
        """Events that the store has not taken yet."""
        return self.home / "spool"

    @property
    def cache(self) -> Path:
        """What can be deleted at any time: stat entries of files whose digests are known."""
        return self.home / "cache.db"


def load(*, folder: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force in `folder` (default: the working folder).

    Raises:
        SettingsError: a value is malformed, or the home cannot be written.
    """
    env = os.environ if environ is None else environ
    folder = Path.cwd() if folder is None else folder
    table = _pyproject(folder)
    home = Path(env["BEGAT_HOME"]).expanduser() if env.get("BEGAT_HOME") else _nearest_home(folder)
    home = home.absolute()
    return Settings(
        home=home,
        store=env.get("BEGAT_STORE") or f"sqlite:///{home / 'begat.db'}",
        artifacts=env.get("BEGAT_ARTIFACTS") or str(home / "artifacts"),
        namespace=env.get("BEGAT_NAMESPACE") or table.get("namespace", "begat"),
        image_digest=_image_digest(env.get("BEGAT_IMAGE_DIGEST", "")),
        forward_seconds=_seconds("BEGAT_FORWARD_SECONDS", env.get("BEGAT_FORWARD_SECONDS") or "5"),
        lease_seconds=_lease_seconds(env.get("BEGAT_LEASE_SECONDS") or "30"),
        runner=env.get("BEGAT_RUNNER", ""),
        first_party=tuple(table.get("first_party", ())),
        trusted_types=tuple(table.get("trusted_types", ())),
        policy=table.get("policy", {}),
    )


def make_home(settings: Settings) -> None:
    """Create the home, with a `.gitignore` that keeps it out of commits.

    Raises:
        SettingsError: it cannot be created or written.
    """
    ignore = settings.home / ".gitignore"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n")
        if not os.access(settings.home, os.W_OK | os.X_OK):
            raise PermissionError("permission denied")
    except OSError as error:
        raise SettingsError(
            f"begat's home {settings.home} cannot be written ({error.strerror or error}); "
            "make it writable or point BEGAT_HOME to a folder that is"
        ) from None


def _nearest_home(folder: Path) -> Path:
    for parent in (folder, *folder.parents):
        if (parent / ".begat").is_dir():
            return parent / ".begat"
    return folder / ".begat"


def _pyproject(folder: Path) -> dict[str, Any]:
    for parent in (folder, *folder.parents):
        path = parent / "pyproject.toml"
        if path.is_file():
            break
    else:
        return {}
    import tomllib  # where there is a file to read

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("begat", {})
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read as TOML ({error}); mend it") from None
    known = {"first_party", "namespace", "policy", "trusted_types"}
    if not isinstance(table, dict):
        raise SettingsError(f"[tool.begat] in {path} is not a table; make it one")
    if unknown := sorted(set(table) - known):
        raise SettingsError(
            f"[tool.begat] in {path} has no setting {unknown[0]!r}; it knows {sorted(known)}"
        )
    for key in ("first_party", "trusted_types"):
        names = table.get(key, [])
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise SettingsError(f"{key} in {path} is a list of names; got {names!r}")
    if not isinstance(table.get("namespace", ""), str):
        raise SettingsError(f"namespace in {path} is a string; got {table['namespace']!r}")
    if not isinstance(table.get("policy", {}), dict):
        raise SettingsError(f"[tool.begat.policy] in {path} is a table; got {table['policy']!r}")
    return table


def _image_digest(text: str) -> str:
    digest = text.rpartition("@")[2]
    if text and not (digest.startswith("sha256:") and len(digest) == 71):
        raise SettingsError(
            f"BEGAT_IMAGE_DIGEST is 'sha256:' and 64 hexadecimal digits; got {text!r}"
        )
    return digest


def _lease_seconds(text: str) -> float:
    seconds = _seconds("BEGAT_LEASE_SECONDS", text)
    if seconds < 1:
        raise SettingsError(f"BEGAT_LEASE_SECONDS is at least 1; got {text!r}")
    return seconds


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise SettingsError(f"{name} is a number of seconds between 0 and 3600; got {text!r}")
    return seconds
