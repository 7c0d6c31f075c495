"""Why runs cannot be reused, as findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .findings import Finding, found

#: `clean() (flights.py, line 18) uses …`: what the code alone tells, without a run.
_CODE = re.compile(r"\S+(?P<at> \((?P<file>[^()]+), line (?P<line>\d+)\)) ")
_ENVIRONMENT = ("environment variable", "the whole environment")
_UNDECLARED = "none of its inputs"


def of_reasons(reasons: Iterable[str], where: str) -> Iterator[Finding]:
    """A finding for each reason in a recipe.

    Args:
        reasons: as `begat_recipe` has them.
        where: what they are of, for those that name no line.
    """
    for reason in dict.fromkeys(reasons):
        if place := _CODE.match(reason):
            what = reason.replace(place["at"], "", 1)
            yield found(_code(reason), what, f"{place['file']}:{place['line']}")
        else:
            yield found(_code(reason), reason, where)


def is_of_code(reason: str) -> bool:
    """Whether the code alone tells a reason, without a run."""
    return _CODE.match(reason) is not None


def _code(reason: str) -> str:
    if _UNDECLARED in reason:
        return "undeclared-input"
    return "computed-environment" if any(w in reason for w in _ENVIRONMENT) else "not-reusable"
