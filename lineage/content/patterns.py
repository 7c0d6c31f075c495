"""Patterns that name a source's files: `raw/month={month}/part-*.csv`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import DataError, PipelineError

_TOKEN = re.compile(r"\{([^{}]*)\}|(\*)|([{}])")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
#: A value never holds what a pattern is written with, so that it can be put back into one.
_VALUE = r"[^/*{}]+?"


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """An absolute path in which `{key}` stands for a partition key's value, `*` for anything.

    Both stay within one folder's or file's name. A name that begins with a dot
    is only found by a pattern that says so.

    Args:
        path: absolute, or an address such as `s3://bucket/raw/month={month}/x.csv`; made by
            `Pattern.parse`.
    """

    path: str

    @classmethod
    def parse(cls, pattern: str, *, folder: Path) -> Pattern:
        """The pattern, absolute: a relative one is relative to `folder`.

        Raises:
            PipelineError: it is malformed, or names what is neither a local path nor in S3.
        """
        text = pattern.removeprefix("file://")
        if scheme := _SCHEME.match(text):
            if scheme[1] == "s3":
                return cls(path=_in_bucket(pattern))
            raise PipelineError(
                f"source {pattern!r} is neither a local path nor s3://bucket/key; copy the data "
                f"there or mount it, {scheme[1]}:// cannot be read"
            )
        if not text.strip() or "\0" in text:
            raise PipelineError(f"source {pattern!r} names no file; give a path or a pattern")
        _check(pattern, text)
        path = os.path.expanduser(text)
        if not os.path.isabs(path) and _TOKEN.search(os.path.abspath(folder)):
            raise PipelineError(
                f"source {pattern!r} is relative to {folder}, whose name would be read as part of "
                "the pattern; rename that folder"
            )
        return cls(path=os.path.abspath(os.path.join(folder, path)))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The partition keys, in the order in which they first occur."""
        return tuple(dict.fromkeys(m[1] for m in _TOKEN.finditer(self.path) if m[1]))

    @cached_property
    def fixed(self) -> str:
        """The path before the first `{key}` or `*`: what OpenLineage names the dataset.

        `/lake/raw` of `/lake/raw/month={month}/x.csv`, and `/lake/flights` of
        `/lake/flights-{month}.csv`.
        """
        token = _TOKEN.search(self.path)
        if token is None:
            return self.path
        head, _, name = self.path[: token.start()].rpartition("/")
        # The key's own name before its value is not part of the dataset's.
        name = re.sub(rf"(^|[-_.]){re.escape(token[1] or '')}=$", "", name).rstrip("-_.=")
        return f"{head}/{name}" if name else head or "/"

    @property
    def varies(self) -> bool:
        """Whether there is a `{key}` or `*` in it."""
        return _TOKEN.search(self.path) is not None

    @property
    def prefix(self) -> str:
        """What all paths that match begin with."""
        token = _TOKEN.search(self.path)
        return self.path if token is None else self.path[: token.start()]

    @property
    def folder(self) -> str:
        """The deepest folder that all files of this pattern are in."""
        return self.prefix.rpartition("/")[0] or "/"

    def bind(self, values: Mapping[str, str]) -> Pattern:
        """This pattern with values in the place of its keys."""
        return Pattern(
            path=_TOKEN.sub(lambda token: values[token[1]] if token[1] else token[0], self.path)
        )

    def match(self, path: str) -> dict[str, str] | None:
        """The values of the keys in a path that matches; None if it does not."""
        found = self._whole.fullmatch(path)
        return None if found is None else found.groupdict()

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        parts, seen = [], set[str]()
        for name in self.path.split("/"):
            hidden = "" if name.startswith(".") or not _TOKEN.search(name) else r"(?!\.)"
            parts.append(hidden + _expression(name, {}, seen))
        return re.compile("/".join(parts))

    def find(self) -> Iterator[tuple[dict[str, str], str]]:
        """Every local file that matches, with the values of its keys; in no particular order.

        Raises:
            DataError: a folder cannot be listed.
        """
        if not _TOKEN.search(self.path):
            if os.path.isfile(self.path):
                yield {}, self.path
        elif os.path.isdir(self.folder):
            parts = self.path[len(self.folder) :].strip("/").split("/")
            yield from _descend(self.folder, parts, {})


def _in_bucket(pattern: str) -> str:
    """An address in S3, as it is given; its bucket is no part of what varies."""
    bucket, _, key = pattern.removeprefix("s3://").partition("/")
    if not bucket or not key or _TOKEN.search(bucket):
        raise PipelineError(
            f"source {pattern!r} names no objects in S3; write s3://bucket/raw/month={{month}}/*.csv"
        )
    _check(pattern, pattern)
    return pattern


def _check(pattern: str, text: str) -> None:
    """Refuse what has no meaning, or more than one."""
    end, adjacent = 0, False
    for token in _TOKEN.finditer(text):
        key, _, stray = token.groups()
        if stray:
            raise PipelineError(
                f"source {pattern!r} has a single {stray!r}; write a partition key as {{month}}"
            )
        if key is not None and not key.isidentifier():
            raise PipelineError(
                f"source {pattern!r} has a key {key!r}, which is no name; write one as {{month}}"
            )
        if adjacent and token.start() == end:
            raise PipelineError(
                f"source {pattern!r} has nothing between {token[0]!r} and what comes before it, "
                "so it cannot be told where one ends; put a fixed character there"
            )
        end, adjacent = token.end(), True


def _descend(
    folder: str, parts: list[str], values: dict[str, str]
) -> Iterator[tuple[dict[str, str], str]]:
    name, rest = parts[0], parts[1:]
    if not _TOKEN.search(name):
        path = os.path.join(folder, name)
        if rest and os.path.isdir(path):
            yield from _descend(path, rest, values)
        elif not rest and os.path.isfile(path):
            yield values, path
        return
    for entry, bound in _matching(folder, name, values):
        if not rest and _is(entry.is_file):
            yield bound, entry.path
        elif rest and _is(entry.is_dir):
            yield from _descend(entry.path, rest, bound)


def _matching(
    folder: str, name: str, values: dict[str, str]
) -> Iterator[tuple[os.DirEntry[str], dict[str, str]]]:
    expression = re.compile(_expression(name, values, set()))
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError as error:
        raise DataError(
            f"folder {folder} cannot be listed ({error.strerror}); make it readable"
        ) from None
    hidden = name.startswith(".")
    for entry in entries:
        if hidden or not entry.name.startswith("."):
            match = expression.fullmatch(entry.name)
            if match:
                yield entry, values | match.groupdict()


def _is(asked: Callable[[], bool]) -> bool:
    """What an entry of a folder says of itself; a link that leads nowhere is nothing."""
    try:
        return asked()
    except OSError:
        return False


def _expression(name: str, values: Mapping[str, str], seen: set[str]) -> str:
    """What matches one folder's or file's name; a key seen before matches its value only.

    Args:
        name: with tokens.
        values: of keys that are known.
        seen: keys that occur before it in the same expression; those in it are added.
    """
    parts, end = [], 0
    for token in _TOKEN.finditer(name):
        parts.append(re.escape(name[end : token.start()]))
        end, key = token.end(), token[1]
        if not key:
            parts.append(r"[^/]*")
        elif key in values:
            parts.append(re.escape(values[key]))
        elif key in seen:
            parts.append(f"(?P={key})")
        else:
            parts.append(f"(?P<{key}>{_VALUE})")
            seen.add(key)
    return "".join([*parts, re.escape(name[end:])])
