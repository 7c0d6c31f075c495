"""Which rows of a partition are held out, when the holdout is a fraction.

A row is known by its partition and its number there: the same rows are held out for
ever, whatever columns featurize adds, whichever label is corrected, however many
partitions or rows are appended. A larger fraction holds out the same rows and more.
Rows that are inserted or removed above a row change its number, and so may its side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from begat.lineage.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from begat.lineage.records import DatasetVersion

    from .frames import Rows


def check_fraction(fraction: object) -> None:
    """Refuse a holdout fraction that leaves one side without rows.

    Raises:
        ParameterError: it is not a number strictly between 0 and 1.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
        raise ParameterError(
            f"holdout fraction {fraction!r} is not a number between 0 and 1; 0.2 holds out a fifth"
        )


def held_out(partition: str, rows: int, *, fraction: float, seed: int) -> npt.NDArray[np.bool_]:
    """For each row of a partition, whether it is held out.

    Row i is held out if the i-th 64-bit word of BLAKE3's extendable output over seed and
    partition lies under `fraction` of the range.

    Args:
        partition: the partition's key.
        rows: how many rows it has.
        fraction: expected share of rows held out, between 0 and 1.
        seed: another one holds out other rows.

    Returns:
        An array of `rows` booleans.
    """
    import numpy as np
    from blake3 import blake3

    check_fraction(fraction)
    words = blake3(f"begat holdout\0{seed}\0{partition}".encode()).digest(length=8 * rows or 1)
    drawn = np.frombuffer(words[: 8 * rows], dtype="<u8")
    return drawn < np.uint64(int(fraction * 2**64))


def chooser(fraction: float | None, *, seed: int, held: bool) -> Rows | None:
    """Which rows of a partition train (`held=False`) or evaluate (`held=True`) keeps.

    Args:
        fraction: share of rows held out; None where whole partitions are.
        seed: of the choice.
        held: keep those held out, or the others.

    Raises:
        ParameterError: the fraction is not a number strictly between 0 and 1.
    """
    if fraction is None:
        return None
    check_fraction(fraction)
    share = fraction

    def rows(version: DatasetVersion, count: int) -> npt.NDArray[np.bool_]:
        chosen = held_out(version.partition, count, fraction=share, seed=seed)
        return chosen if held else ~chosen

    return rows
