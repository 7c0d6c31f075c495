"""Where the producers keep things: all in `.bench/` beside the sources, which git ignores."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
#: One environment a producer.
VENVS = ROOT / ".bench" / "venvs"
HOME = ROOT / ".bench" / "home"
#: Where streams are written unless told otherwise.
STREAMS = ROOT / ".bench" / "streams"
#: The DAGs that Airflow runs.
DAGS = HERE / "dags"
#: The project that dbt runs.
SHOP = HERE / "shop"
