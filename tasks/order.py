"""The natural order of partition keys."""

from __future__ import annotations

import re


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which `month=2` comes before `month=10`.

    >>> sorted(["m=10", "m=9", "m=9b"], key=natural)
    ['m=9', 'm=9b', 'm=10']
    """
    return tuple(
        (1, int(piece), "") if piece.isdecimal() else (2, 0, piece)
        for piece in re.split(r"(\d+)", text)
        if piece
    )
