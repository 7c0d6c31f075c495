"""Environment variables that code reads, by the names it spells out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..content.digest import digest_bytes

if TYPE_CHECKING:
    from .scopes import Scope, Target
    from .uses import Use

#: The digest of a variable that is not set.
UNSET = "unset"

#: Functions of a variable's name.
READERS = (os.getenv, getattr(os, "getenvb", os.getenv))

_EXPANDED = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)
_READS = frozenset({"__contains__", "__getitem__", "get", "pop", "setdefault"})


def is_environment(value: object) -> bool:
    """Whether a value is the environment as a whole."""
    return value is os.environ or value is getattr(os, "environb", os.environ)


def digest_of(name: str) -> str:
    """The digest of a variable's value, or `unset`."""
    value = os.environ.get(name)
    return UNSET if value is None else digest_bytes(value.encode("utf-8", "surrogateescape"))


def names_read(use: Use, target: Target, scope: Scope) -> Iterator[str | None]:
    """The variables that one use of the environment reads; None for a computed name."""
    rest = use.chain[target.consumed :]
    if is_environment(target.value) and not rest:
        named = use.how in {"item", "in"}
    elif is_environment(target.value):
        named = use.how == "call" and len(rest) == 1 and rest[0] in _READS
    else:
        named = use.how == "call"
    key = use.key if named else None
    if isinstance(key, tuple):
        key = scope.text(key)
    if target.value is os.path.expandvars and key is not None:
        yield from (plain or braced for plain, braced in _EXPANDED.findall(key))
    elif key != "":  # an assignment
        yield key
