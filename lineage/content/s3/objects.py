"""Objects in S3: listing them, reading them whole, noticing that one was overwritten."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from ...errors import ArtifactError, BegatError, DataError, WorldError
from .client import Address, client, is_absent, is_changed, translated

#: Bytes that are taken of a stream at a time.
BLOCK = 1 << 20
#: Where all of them are kept anyway: few blocks, for putting them together copies them.
WHOLE = 64 << 20
#: How often a stream that broke off is gone on with.
RESUMED = 5
#: Keys a page.
PAGE = 1000


class ChangedError(Exception):
    """An object is not what it was when it was listed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Object:
    """An object as a listing has it."""

    address: Address
    size: int
    #: Another one after every write of other bytes.
    etag: str
    #: When it was written, ISO 8601; servers round it to seconds.
    modified: str
    #: What its writer said it is; a listing does not tell.
    said: Mapping[str, str] = field(default_factory=dict)


def listing(
    bucket: str, prefix: str, *, page: int = PAGE, kind: type[BegatError] = WorldError
) -> Iterator[Object]:
    """The objects whose keys begin with a prefix, by key; their newest versions.

    Args:
        bucket: its name.
        prefix: empty for all.
        page: keys that are asked for at a time.
        kind: of error that is raised.

    Raises:
        BegatError: of that kind: the bucket cannot be listed.
    """
    with translated(f"s3://{bucket}/{prefix}* cannot be listed", kind):
        pages = client().get_paginator("list_objects_v2")
        for found in pages.paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": page}
        ):
            for entry in found.get("Contents", ()):
                if not entry["Key"].endswith("/"):  # what consoles put in place of a folder
                    yield Object(
                        address=Address(bucket, entry["Key"]),
                        size=entry["Size"],
                        etag=entry["ETag"],
                        modified=entry["LastModified"].isoformat(),
                    )


def head(address: Address, kind: type[BegatError] = WorldError) -> Object | None:
    """One object, or one version of it; None if it is not there.

    Raises:
        BegatError: of the kind given: it cannot be asked for.
    """
    with translated(f"{address} cannot be looked at", kind):
        try:
            found = client().head_object(**address.arguments)
        except Exception as error:
            if is_absent(error):
                return None
            raise
    return Object(
        address=address,
        size=found["ContentLength"],
        etag=found["ETag"],
        modified=found["LastModified"].isoformat(),
        said=found.get("Metadata", {}),
    )


class Stream:
    """One state of an object, in blocks; where a connection breaks off another one goes on.

    Args:
        address: of the object.
        etag: what it has to be; empty for whatever it is.
        kind: of error that is raised.
        block: bytes at a time; the last block of a connection has fewer.
    """

    def __init__(
        self,
        address: Address,
        etag: str = "",
        kind: type[BegatError] = ArtifactError,
        block: int = BLOCK,
    ) -> None:
        self.address = address
        self.etag = etag
        #: The version that is read, where the bucket keeps them.
        self.version = address.version
        self._kind = kind
        self._block = block

    def __iter__(self) -> Iterator[bytes]:
        """The blocks, in order.

        Raises:
            ChangedError: it was overwritten, or removed, since it had that etag.
            BegatError: of the kind given: it cannot be read.
        """
        with translated(f"{self.address} cannot be read", self._kind):
            yield from self._blocks()

    def present(self) -> Iterator[bytes]:
        """The blocks of an artifact, which nobody ought to overwrite.

        Raises:
            FileNotFoundError: it is not there.
            BegatError: of the kind given: it cannot be read.
        """
        try:
            yield from self
        except BegatError as error:
            if is_absent(error.__cause__):
                raise FileNotFoundError(str(self.address)) from None
            raise
        except ChangedError:  # between two parts of it
            raise self._kind(
                f"{self.address} was overwritten while it was read; try again"
            ) from None

    def _blocks(self) -> Iterator[bytes]:
        at, failed = 0, 0
        while True:
            body, end = self._open(at)
            try:
                for block in body.iter_chunks(self._block):
                    at += len(block)
                    yield block
            except Exception as error:
                if failed == RESUMED or not _broke_off(error):
                    raise
            finally:
                body.close()
            if at >= end:
                return
            failed += 1
            if failed > RESUMED:
                raise OSError(f"the connection broke off {failed} times, at byte {at} of {end}")

    def _open(self, at: int) -> tuple[Any, int]:
        """The rest of the object from a byte on, and its size."""
        wanted: dict[str, Any] = dict(self.address.arguments)
        if self.version:
            wanted["VersionId"] = self.version
        if self.etag:
            wanted["IfMatch"] = self.etag
        if at:
            wanted["Range"] = f"bytes={at}-"
        try:
            found = client().get_object(**wanted)
        except Exception as error:
            if is_changed(error) or (self.etag and is_absent(error)):
                raise ChangedError(str(self.address)) from error
            raise
        # What goes on has to be the same state: from now on it is asked for by name.
        if self.etag and found["ETag"] != self.etag:
            found["Body"].close()
            raise ChangedError(str(self.address))
        self.etag = found["ETag"]
        version = found.get("VersionId", "")
        self.version = "" if version == "null" else version
        return found["Body"], at + found["ContentLength"]


class Ranged(io.RawIOBase):
    """One state of an object as a file, of which each reading asks for its part alone.

    Args:
        one: the object; if it is not that any more, reading raises DataError.
    """

    def __init__(self, one: Object) -> None:
        self._one = one
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._one.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read the part that begins here."""
        end = min(self._at + len(buffer), self._one.size)
        if self._at >= end:
            return 0
        address = self._one.address
        with translated(f"{address} cannot be read", WorldError):
            try:
                found = client().get_object(
                    **address.arguments,
                    IfMatch=self._one.etag,
                    Range=f"bytes={self._at}-{end - 1}",
                )
                with closing(found["Body"]) as body:
                    data = body.read()
            except Exception as error:
                if is_changed(error):
                    raise DataError(
                        f"{address} was overwritten while it was read; run again"
                    ) from None
                raise
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _broke_off(error: Exception) -> bool:
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    return isinstance(error, (HTTPClientError, IncompleteReadError, OSError))
