"""Prefect blocks that say where a flow's lineage goes: store, artifacts and policy.

Prefect imports this module by the entry point group `prefect.collections`, which registers
them. A block holds what can be set in the environment too; the environment wins.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, SecretStr, ValidationError, field_validator

from begat.lineage import settings
from begat.lineage.content.s3.client import SCHEME, use_session
from begat.lineage.errors import SettingsError, StoreError
from begat.lineage.workspace import Workspace, using

__all__ = ["BegatArtifacts", "BegatPolicy", "BegatStore", "use"]

_DOCUMENTATION = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")


class BegatStore(Block):
    """The database that begat keeps events, graph and registered models in.

    Example:
        ```python
        from begat.tasks.blocks import BegatStore

        store = BegatStore.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "begat store"
    _block_type_slug = "begat-store"
    _documentation_url = _DOCUMENTATION

    model_config = ConfigDict(hide_input_in_errors=True)  # a URL may hold a password

    url: SecretStr = Field(
        title="URL",
        description="The database's URL in SQLAlchemy's form; of a file, with its absolute path.",
        examples=["sqlite:////srv/lineage/begat.db", "postgresql://begat@db.example/lineage"],
    )

    @field_validator("url")
    @classmethod
    def _known(cls, url: SecretStr) -> SecretStr:
        from begat.lineage.graph.database import is_absolute

        try:
            absolute = is_absolute(url.get_secret_value())
        except StoreError:  # whose message would show what is secret
            absolute = False
        if not absolute:
            raise ValueError(
                "a lineage store is sqlite:////absolute/path/to/begat.db or "
                "postgresql://user:password@host/database: each process of a flow may work in "
                "another folder"
            )
        return url


class BegatArtifacts(Block):
    """The store of what was read and written, under checksums.

    Example:
        ```python
        from begat.tasks.blocks import BegatArtifacts

        artifacts = BegatArtifacts.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "begat artifacts"
    _block_type_slug = "begat-artifacts"
    _documentation_url = _DOCUMENTATION

    location: str = Field(
        description="The absolute path of a folder that all processes of a flow share, "
        "or a place in S3.",
        examples=["/srv/lineage/artifacts", "s3://lineage/artifacts"],
    )
    credentials: str = Field(
        default="",
        description="Name of the AwsCredentials block that opens S3; without one boto3 finds "
        "credentials as it always does.",
        examples=["production"],
    )

    @field_validator("location")
    @classmethod
    def _known(cls, location: str) -> str:
        if not (Path(location).is_absolute() or location.startswith(SCHEME)):
            raise ValueError(
                "artifacts are kept in a folder, given by its absolute path, or in "
                f"s3://bucket/prefix; got {location!r}"
            )
        return location


class BegatPolicy(Block):
    """What a registered model may be made of.

    Example:
        ```python
        from begat.tasks.blocks import BegatPolicy

        policy = BegatPolicy.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "begat policy"
    _block_type_slug = "begat-policy"
    _documentation_url = _DOCUMENTATION

    trusted_types: list[str] = Field(
        default_factory=list,
        description="Full names of types that a model file may hold, beside the reviewed ones.",
        examples=[["acme_models.Calibrated"]],
    )

    @field_validator("trusted_types")
    @classmethod
    def _names(cls, names: list[str]) -> list[str]:
        for name in names:
            if "." not in name or not all(part.isidentifier() for part in name.split(".")):
                raise ValueError(f"a type's full name is module.Type; got {name!r}")
        return names


_TYPES: dict[str, type[Block]] = {
    "begat-store": BegatStore,
    "begat-artifacts": BegatArtifacts,
    "begat-policy": BegatPolicy,
}


@contextmanager
def use(*blocks: Block | str) -> Iterator[Workspace]:
    """Work with what the blocks say, in this process and until the `with` block ends.

    Args:
        blocks: of begat's, or their names: `begat-store/production`.

    Raises:
        SettingsError: one is not there, is of another type, or two are of one type.
    """
    with using(Workspace(resolved(blocks))) as space:
        yield space


def resolved(blocks: Sequence[Block | str]) -> settings.Settings:
    """The settings in force, with what the blocks say where the environment says nothing.

    Args:
        blocks: of begat's, or their names: `begat-store/production`.

    Raises:
        SettingsError: one is not there, is of another type, or two are of one type; or the
            settings themselves are malformed.
    """
    said: dict[str, str] = {}
    trusted: list[str] = []
    types = set()
    for block in map(_loaded, blocks):
        if type(block) in types:
            raise SettingsError(
                f"two blocks of type {block.get_block_type_slug()} are named; name one"
            )
        types.add(type(block))
        match block:
            case BegatStore():
                said["BEGAT_STORE"] = block.url.get_secret_value()
            case BegatArtifacts():
                said["BEGAT_ARTIFACTS"] = block.location
                if block.credentials:
                    use_session(_aws(block.credentials).get_boto3_session)
            case BegatPolicy():
                trusted = block.trusted_types
    given = {name: value for name, value in os.environ.items() if value}
    found = settings.load(environ=said | given)
    names = dict.fromkeys([*found.trusted_types, *trusted])
    return replace(found, trusted_types=tuple(names))


def check(block: Block | str) -> None:
    """Refuse what is neither a block of begat's nor the name of one.

    Raises:
        SettingsError: says how blocks are named.
    """
    if isinstance(block, tuple(_TYPES.values())):
        return
    slug, _, name = block.partition("/") if isinstance(block, str) else ("", "", "")
    if slug not in _TYPES or not name:
        given = repr(block) if isinstance(block, str) else type(block).__qualname__
        raise SettingsError(
            f"{given} is no block of begat's; name one as TYPE/NAME, where TYPE is "
            f"{', '.join(_TYPES)}"
        )


def _aws(name: str) -> Any:
    try:
        from prefect_aws import AwsCredentials
    except ImportError:
        raise SettingsError(
            f"block aws-credentials/{name} needs prefect-aws; pip install prefect-aws"
        ) from None
    return _load(AwsCredentials, f"aws-credentials/{name}")


def _loaded(block: Block | str) -> Block:
    check(block)
    if not isinstance(block, str):
        return block
    return _load(_TYPES[block.partition("/")[0]], block)


def _load(kind: Any, block: str) -> Block:
    try:
        # Without _sync it would be a coroutine in an async flow.
        found: Block = kind.load(block.partition("/")[2], _sync=True)
    except Exception as error:  # no such block, no server, or what was saved is not valid here
        raise SettingsError(
            f"block {block} cannot be loaded ({_reason(error)}); "
            "`prefect block ls` lists those that are saved"
        ) from error
    return found


def _reason(error: Exception) -> str:
    if isinstance(error.__cause__, ValidationError):  # Prefect says only that there is one
        said = error.__cause__.errors(include_url=False, include_input=False)[0]["msg"]
        return said.removeprefix("Value error, ")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0]
