"""Whether the standard client configuration names a backend, and where it lies.

Asked by every process that records events, so nothing of the client is imported; the
client itself resolves the configuration later, where it is needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import SettingsError

_PREFIX = "OPENLINEAGE__"
_TRANSPORT = f"{_PREFIX}TRANSPORT"
_FILE = "openlineage.yml"


def configured(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> bool:
    """Whether events are to be forwarded.

    Args:
        environ: the environment; the process's own by default.
        folder: where `openlineage.yml` may lie; the working folder by default.

    Raises:
        SettingsError: a variable or the file that would say so is malformed.
    """
    env = os.environ if environ is None else environ
    if env.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    _check_variables(env)
    kind = _kind_in_file(env, folder) or _kind_in_environment(env)
    return kind != "noop" if kind else bool(env.get("OPENLINEAGE_URL"))


def _check_variables(env: Mapping[str, str]) -> None:
    # The client would write the value into its log, and an API key may be in it.
    for name, value in env.items():
        if name.startswith(_TRANSPORT) and value.lstrip()[:1] in ("{", "["):
            try:
                json.loads(value)
            except ValueError as error:
                reason = str(error).partition(":")[0]
                raise SettingsError(f"{name} is not JSON ({reason}); mend it or unset it") from None


def _kind_in_environment(env: Mapping[str, str]) -> str:
    whole = env.get(_TRANSPORT, "")
    if whole.lstrip().startswith("{"):
        return _kind({"transport": json.loads(whole)})
    return env.get(f"{_TRANSPORT}__TYPE", "").strip('"')


def _kind_in_file(env: Mapping[str, str], folder: Path | None) -> str:
    named = env.get("OPENLINEAGE_CONFIG")
    if named and not os.access(named, os.R_OK):
        raise SettingsError(
            f"OPENLINEAGE_CONFIG names {named}, which cannot be read; mend it or unset it"
        )
    # The working folder may have been removed, and a user may have no home.
    places = [(folder or Path()) / _FILE, Path(os.path.expanduser("~/.openlineage")) / _FILE]
    for path in [Path(named)] if named else places:
        if path.is_file() and os.access(path, os.R_OK):
            return _kind(_read(path))
    return ""


def _read(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else type(error).__name__
        raise SettingsError(f"{path} cannot be read as YAML ({where}); mend it") from None


def _kind(configuration: Any) -> str:
    transport = configuration.get("transport") if isinstance(configuration, dict) else None
    kind = transport.get("type") if isinstance(transport, dict) else None
    return str(kind) if kind else ""
