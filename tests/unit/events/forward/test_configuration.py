"""Whether forwarding is configured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from begat.lineage.errors import SettingsError
from begat.lineage.events.forward.configuration import configured

FILE = "transport:\n  type: http\n  url: http://127.0.0.1:5000\n"


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration in the home of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))


def test_nothing_is_configured(tmp_path: Path) -> None:
    """Without a word of configuration nothing is forwarded, not even to the console."""
    assert not configured({}, tmp_path)


@pytest.mark.parametrize(
    "environ",
    [
        {"OPENLINEAGE_URL": "http://127.0.0.1:5000"},
        {"OPENLINEAGE__TRANSPORT__TYPE": "kafka"},
        {"OPENLINEAGE__TRANSPORT": '{"type": "http", "url": "http://127.0.0.1:5000"}'},
        {"OPENLINEAGE_DISABLED": "false", "OPENLINEAGE_URL": "http://127.0.0.1:5000"},
    ],
)
def test_by_variables(tmp_path: Path, environ: dict[str, str]) -> None:
    """Each of the client's variables that names a backend is enough."""
    assert configured(environ, tmp_path)


@pytest.mark.parametrize(
    "environ",
    [
        {"OPENLINEAGE_DISABLED": " True", "OPENLINEAGE_URL": "http://127.0.0.1:5000"},
        {"OPENLINEAGE__TRANSPORT__TYPE": "noop", "OPENLINEAGE_URL": "http://127.0.0.1:5000"},
        {"OPENLINEAGE__TRANSPORT__URL": "http://127.0.0.1:5000"},
        {"OPENLINEAGE_NAMESPACE": "prod"},
    ],
)
def test_not_by_variables(tmp_path: Path, environ: dict[str, str]) -> None:
    """Disabled, a transport that does nothing, and one without a type are no backend."""
    assert not configured(environ, tmp_path)


def test_by_a_file_here(tmp_path: Path) -> None:
    """An openlineage.yml in the working folder that names a transport is enough."""
    (tmp_path / "openlineage.yml").write_text(FILE)

    assert configured({}, tmp_path)


def test_by_a_file_of_the_user(tmp_path: Path) -> None:
    """So is one in the user's folder."""
    folder = tmp_path / "user" / ".openlineage"
    folder.mkdir(parents=True)
    (folder / "openlineage.yml").write_text(FILE)

    assert configured({}, tmp_path)


def test_by_a_named_file(tmp_path: Path) -> None:
    """So is the one that OPENLINEAGE_CONFIG names."""
    (tmp_path / "ol.yaml").write_text(FILE)

    assert configured({"OPENLINEAGE_CONFIG": str(tmp_path / "ol.yaml")}, tmp_path)


def test_a_file_without_a_transport(tmp_path: Path) -> None:
    """A file that only sets something else names no backend."""
    (tmp_path / "openlineage.yml").write_text("filters: []\n")

    assert not configured({}, tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A named file that cannot be read is refused by the variable's name."""
    with pytest.raises(SettingsError, match="OPENLINEAGE_CONFIG names"):
        configured({"OPENLINEAGE_CONFIG": str(tmp_path / "none.yml")}, tmp_path)


def test_nowhere_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder that is gone, and a user without a home, are no reason to fail."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    gone.rmdir()

    assert not configured({})


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    """A malformed file is refused by its path and line."""
    (tmp_path / "openlineage.yml").write_text("transport: {type: http\n")

    with pytest.raises(SettingsError, match=r"openlineage\.yml cannot be read as YAML \(line"):
        configured({}, tmp_path)


def test_malformed_json_is_not_repeated(tmp_path: Path) -> None:
    """A variable with malformed JSON is named without its value, which may hold a key."""
    environ = {"OPENLINEAGE__TRANSPORT__AUTH": '{"type": "api_key", "apiKey": "sesame"'}

    with pytest.raises(SettingsError, match="OPENLINEAGE__TRANSPORT__AUTH is not JSON") as caught:
        configured(environ, tmp_path)
    assert "sesame" not in str(caught.value)


def test_the_hot_path_imports_nothing_of_the_client(tmp_path: Path) -> None:
    """A process that forwards has not imported the client by the time its event is queued."""
    script = (
        "import sys, pathlib\n"
        "from begat.lineage.events.forward.courier import Courier\n"
        "from begat.lineage import settings\n"
        "Courier._start = lambda self: None\n"
        "Courier(settings.load()).append([{'a': 1}])\n"
        "print([name for name in ('openlineage', 'requests', 'yaml') if name in sys.modules])\n"
        "print([p.read_text() for p in pathlib.Path(sys.argv[1]).rglob('*.jsonl')])\n"
    )
    environ = {**os.environ, "OPENLINEAGE_URL": "http://127.0.0.1:9", "BEGAT_HOME": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == ["[]", """['{"a":1}\\n']"""]
