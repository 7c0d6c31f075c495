"""What one message says of one object: that it was written, or that it is gone."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import EventError

#: Bytes of a namespace, key, identity and name together: an index takes no more. S3's keys have
#: at most 1,024.
LONGEST = 2_400
#: Identities of removals begin so.
_REMOVED = "removed:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One object as a message, a listing or a folder told of it.

    Args:
        namespace: where it lies, as OpenLineage names it: `s3://bucket`, or `file`.
        key: its key in the bucket, or its absolute path.
        version: its VersionId, where the bucket keeps versions.
        digest: of its bytes: an ETag, `blake3:…`; whatever is the same for the same bytes.
        size: bytes, if they were told.
        happened: when it was written, ISO 8601 in UTC; empty if nobody said.
        sequencer: S3's hexadecimal order of what happened to one key; empty if there is none.
        removed: whether it is gone.
        name: the dataset's, where the message names that; empty: the key decides.
        partition: of that dataset.
        known_as: its identity, where that is known already.

    Raises:
        EventError: it names nothing, or what no store can keep.
    """

    namespace: str
    key: str
    version: str = ""
    digest: str = ""
    size: int | None = None
    happened: str = ""
    sequencer: str = ""
    removed: bool = False
    name: str = ""
    partition: str = ""
    known_as: str = ""

    def __post_init__(self) -> None:
        said = (
            *(self.namespace, self.key, self.version, self.digest),
            *(self.sequencer, self.name, self.partition),
        )
        for text in said:
            if "\0" in text or not _is_utf8(text):
                raise EventError(f"{text[:80]!r} has characters that no store keeps; mend it")
        if not self.namespace or not self.key:
            raise EventError(
                f"an arrival names where its object lies; got {self.namespace!r} and {self.key!r}"
            )
        if not (self.version or self.digest or self.removed):
            raise EventError(
                f"{self.key!r} arrived without a version or digest; say one of them, so that the "
                "same bytes are known again"
            )
        together = (self.namespace, self.key, self.identity, self.name, self.partition)
        if sum(len(text.encode()) for text in together) > LONGEST:
            raise EventError(
                f"what names {self.key[:40]!r} is longer than {LONGEST} bytes; shorten it"
            )

    @property
    def identity(self) -> str:
        """What tells it from all else that ever happened to its key; the same if told again."""
        if self.known_as:
            return self.known_as
        if self.version:
            return f"{_REMOVED if self.removed else ''}{self.version}"
        when = self.sequencer or self.happened
        if self.removed:
            return f"{_REMOVED}{when or self.digest}"
        return f"{self.digest}#{when}" if when else self.digest


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
