"""Where settings come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from begat.lineage import settings
from begat.lineage.errors import SettingsError


def test_nearest_home(tmp_path: Path) -> None:
    """The home is the nearest `.begat` upwards, as git finds its own."""
    (tmp_path / ".begat").mkdir()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)

    assert settings.load(folder=inner, environ={}).home == tmp_path / ".begat"


def test_new_home(tmp_path: Path) -> None:
    """Without one the home is a new `.begat` in the working folder, and holds the rest."""
    found = settings.load(folder=tmp_path, environ={})

    assert found.home == tmp_path / ".begat"
    assert found.store == f"sqlite:///{tmp_path}/.begat/begat.db"
    assert found.artifacts == f"{tmp_path}/.begat/artifacts"
    assert found.spool == tmp_path / ".begat" / "spool"


def test_environment_wins(tmp_path: Path) -> None:
    """A variable wins over pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text('[tool.begat]\nnamespace = "file"\n')

    assert settings.load(folder=tmp_path, environ={}).namespace == "file"
    assert settings.load(folder=tmp_path, environ={"BEGAT_NAMESPACE": "env"}).namespace == "env"


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ('[tool.begat]\nnamspace = "x"', "namspace"),
        ("[tool.begat]\nfirst_party = 1", "first_party"),
        ("[tool.begat]\nnamespace = 1", "namespace"),
        ("[tool]\nbegat = 1", "tool.begat"),
        ("[tool.begat", "TOML"),
    ],
)
def test_malformed(tmp_path: Path, table: str, named: str) -> None:
    """A malformed setting is refused by its name and its file's."""
    (tmp_path / "pyproject.toml").write_text(table)

    with pytest.raises(SettingsError, match=named) as caught:
        settings.load(folder=tmp_path, environ={})
    assert "pyproject.toml" in str(caught.value)


@pytest.mark.parametrize("digest", ["latest", "sha256:12", "repo/image:tag"])
def test_image_digest(tmp_path: Path, digest: str) -> None:
    """An image digest that is none is refused, never taken for one."""
    with pytest.raises(SettingsError, match="BEGAT_IMAGE_DIGEST"):
        settings.load(folder=tmp_path, environ={"BEGAT_IMAGE_DIGEST": digest})


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "1e9"])
def test_forward_seconds(tmp_path: Path, seconds: str) -> None:
    """A time that no process would wait is refused."""
    with pytest.raises(SettingsError, match="BEGAT_FORWARD_SECONDS"):
        settings.load(folder=tmp_path, environ={"BEGAT_FORWARD_SECONDS": seconds})
    assert settings.load(folder=tmp_path, environ={}).forward_seconds == 5.0


@pytest.mark.parametrize("seconds", ["soon", "0.5", "-1"])
def test_lease_seconds(tmp_path: Path, seconds: str) -> None:
    """A time in which no process can say that it is alive is refused."""
    with pytest.raises(SettingsError, match="BEGAT_LEASE_SECONDS"):
        settings.load(folder=tmp_path, environ={"BEGAT_LEASE_SECONDS": seconds})
    given = settings.load(folder=tmp_path, environ={"BEGAT_LEASE_SECONDS": "2.5"})
    assert (given.lease_seconds, settings.load(folder=tmp_path, environ={}).lease_seconds) == (
        2.5,
        30,
    )


def test_unwritable_home(tmp_path: Path) -> None:
    """A home that cannot be made is named, with the way out."""
    (tmp_path / "file").write_text("")
    found = settings.load(folder=tmp_path, environ={"BEGAT_HOME": str(tmp_path / "file" / "home")})

    with pytest.raises(SettingsError, match="BEGAT_HOME"):
        settings.make_home(found)


def test_home_is_ignored_by_git(tmp_path: Path) -> None:
    """A new home keeps itself out of commits."""
    found = settings.load(folder=tmp_path, environ={})
    settings.make_home(found)

    assert (found.home / ".gitignore").read_text() == "*\n"
