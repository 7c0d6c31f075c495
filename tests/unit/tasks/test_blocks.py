"""What blocks may say, without the server that keeps them."""

from __future__ import annotations

import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import ValidationError

from begat.lineage import workspace
from begat.lineage.errors import SettingsError
from begat.tasks import blocks, tracked
from begat.tasks.blocks import BegatArtifacts, BegatPolicy, BegatStore, resolved, use


@pytest.mark.parametrize("block", [BegatArtifacts, BegatPolicy, BegatStore])
class TestStandard(BlockStandardTestSuite):
    """What Prefect asks of every block."""

    @pytest.fixture
    def block(self, block: type[Block]) -> type[Block]:
        """The block type, from the parameters."""
        return block

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """A logo would be fetched from the network: there is none, and Prefect shows its own."""
        assert block._logo_url is None


def store(url: str) -> BegatStore:
    """A store's block, given as users give it."""
    return BegatStore(url=url)  # type: ignore[arg-type]  # text becomes a secret


def test_prefect_finds_them() -> None:
    """The entry point that Prefect loads is the module of the blocks."""
    (found,) = [one for one in entry_points(group="prefect.collections") if one.name == "begat"]

    assert found.load() is blocks


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:sesame@db/lineage",
        "sqlite:///begat.db",
        "sqlite://",
        "sqlite:///:memory:",
        "/srv/begat.db",
        "",
    ],
)
def test_a_store_is_the_same_everywhere(url: str) -> None:
    """Another database, a relative path and memory are refused, and no password is shown."""
    with pytest.raises(ValidationError, match="a lineage store is sqlite:////absolute") as caught:
        store(url)

    assert "sesame" not in str(caught.value)


def test_a_store_may_be_on_postgresql() -> None:
    """A database on a server is the same for every process."""
    assert store("postgresql://ann:sesame@db/lineage").url.get_secret_value().endswith("db/lineage")


@pytest.mark.parametrize("location", ["gs://bucket/artifacts", "artifacts", "~/artifacts", ""])
def test_artifacts_are_an_absolute_folder(location: str) -> None:
    """What begat cannot keep artifacts in yet is refused, and so is a path of many meanings."""
    with pytest.raises(ValidationError, match="given by its absolute path"):
        BegatArtifacts(location=location)


@pytest.mark.parametrize("name", ["Calibrated", "acme models.X", "acme..X", ""])
def test_a_policy_names_types_in_full(name: str) -> None:
    """A type without its module cannot be told from others."""
    with pytest.raises(ValidationError, match=r"full name is module\.Type"):
        BegatPolicy(trusted_types=[name])


def test_what_blocks_say_is_set(home: Path, tmp_path: Path) -> None:
    """Blocks set store, artifacts and trusted types; all else is as the environment has it."""
    found = resolved(
        [
            store(f"sqlite:///{tmp_path}/x.db"),
            BegatArtifacts(location=str(tmp_path / "a")),
            BegatPolicy(trusted_types=["acme.X"]),
        ]
    )

    assert (found.store, found.artifacts) == (f"sqlite:///{tmp_path}/x.db", str(tmp_path / "a"))
    assert found.trusted_types == ("acme.X",)
    assert found.home == home


def test_trusted_types_add_to_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy's types come after those of pyproject.toml, each once."""
    text = '[tool.begat]\ntrusted_types = ["acme.X", "acme.Y"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)

    assert resolved([BegatPolicy(trusted_types=["acme.Z", "acme.X"])]).trusted_types == (
        "acme.X",
        "acme.Y",
        "acme.Z",
    )


def test_a_variable_without_a_value_does_not_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty BEGAT_ARTIFACTS counts as unset here too."""
    monkeypatch.setenv("BEGAT_ARTIFACTS", "")

    assert resolved([BegatArtifacts(location="/srv/a")]).artifacts == "/srv/a"


def test_use_comes_back(tmp_path: Path) -> None:
    """After the with block the process works with what it worked with before."""
    before = workspace.workspace()
    with use(BegatArtifacts(location=str(tmp_path))) as space:
        inside = workspace.workspace()

    assert inside is space
    assert workspace.workspace() is before


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("production", "'production' is no block of begat's; name one as TYPE/NAME"),
        ("begat-store/", "'begat-store/' is no block of begat's"),
        ("secret/production", "where TYPE is begat-store, begat-artifacts, begat-policy"),
        (7, "^int is no block of begat's"),
    ],
)
def test_other_blocks_are_refused_where_they_are_named(block: Any, message: str) -> None:
    """A flow cannot be bound to what is no block of begat's."""

    @flow
    def plain() -> None: ...

    with pytest.raises(SettingsError, match=message):
        tracked(plain, blocks=[block])
    with pytest.raises(SettingsError, match=message):
        resolved([block])


def test_what_is_wrong_with_a_saved_block_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that was saved before it was checked says what it may hold, and no secret."""
    password = "-".join(["open", "sesame"])  # nowhere as such, as a traceback shows sources

    def load(name: str, **options: Any) -> BegatStore:
        try:
            return store(f"mysql://ann:{password}@db/lineage")
        except ValidationError as error:
            raise RuntimeError("due to failed validation") from error

    monkeypatch.setattr(BegatStore, "load", load)
    with pytest.raises(SettingsError, match=r"loaded \(a lineage store is sqlite") as caught:
        resolved(["begat-store/old"])

    assert password not in "".join(traceback.format_exception(caught.value))


def test_two_of_one_type_are_refused() -> None:
    """Which of two stores counts is not guessed."""
    with pytest.raises(SettingsError, match="two blocks of type begat-store are named"):
        resolved([store("sqlite:////a.db"), store("sqlite:////b.db")])
