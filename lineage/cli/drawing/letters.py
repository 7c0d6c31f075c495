"""Text that every format can hold, and how wide it is."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: No name is read to its end when it is longer than this.
LONGEST: Final = 400
#: Characters that XML 1.0 cannot hold, and those that turn the direction of what follows.
_UNFIT: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_NARROW: Final = frozenset("ijlIftr.,:;|!'()[]{}/ -")
_BROAD: Final = frozenset("mwMW@%…—")


def clean(text: str) -> str:
    r"""One line that can be shown, whatever was in it.

    >>> clean("a\n\tb\x00")
    'a b�'
    """
    return _UNFIT.sub("\ufffd", re.sub(r"\s+", " ", text[: LONGEST + 1]))[:LONGEST].strip()


def shortened(text: str, most: int) -> str:
    """A name of at most so many characters; of a path, its end.

    >>> shortened("file:/home/me/lake/raw/flights/month={month}/flights.csv", 30)
    '…/month={month}/flights.csv'
    >>> shortened("a name that is long", 10)
    'a name th…'
    """
    if len(text) <= most:
        return text
    end = text[1 - most :]
    if "/" in end[:-1]:
        return f"…{end[end.index('/') :]}"
    return f"{text[: most - 1]}…"


def width(text: str) -> float:
    """How wide a line is at most in usual sans-serif fonts, in units of the font's size."""
    return sum(map(_width, text))


def _width(letter: str) -> float:
    if letter in _NARROW:
        return 0.42
    if letter in _BROAD or unicodedata.east_asian_width(letter) in "WF" or ord(letter) > 0xFFFF:
        return 1.05
    return 0.72 if letter.isupper() else 0.64
