"""What texts give away: names that move on, and paths of one machine."""

from __future__ import annotations

import re

# An underscore joins words in the names of tables and files: `flights_latest.csv`.
_LATEST = re.compile(r"(?<![A-Za-z0-9])latest(?![A-Za-z0-9])", re.IGNORECASE)
_HOME = re.compile(
    r"(?:file://)?(?:~[\w.-]*/|/(?:home|Users|root|mnt|media|Volumes)/)|[A-Za-z]:[\\/]"
)
_ABSOLUTE = re.compile(r"(?:file://)?[/~]|[A-Za-z]:[\\/]|\w+(?:\+\w+)?:////")


def is_latest(text: str) -> bool:
    """Whether a path, a query or a reference names whatever is newest.

    >>> is_latest("s3://lake/flights/latest/rows.csv"), is_latest("lake/the-latests.csv")
    (True, False)
    """
    return _LATEST.search(text) is not None


def is_absolute(text: str) -> bool:
    """Whether a path or a database's address begins at the root of one machine.

    >>> is_absolute("/lake/flights.csv"), is_absolute("s3://lake/flights.csv")
    (True, False)
    >>> is_absolute("sqlite:////lake/flights.db"), is_absolute("sqlite:///flights.db")
    (True, False)
    """
    return _ABSOLUTE.match(text) is not None


def is_of_one_user(text: str) -> bool:
    """Whether a text begins as paths do where people keep their own files.

    >>> is_of_one_user("/home/ada/weather.csv"), is_of_one_user("/month")
    (True, False)
    """
    return _HOME.match(text) is not None
