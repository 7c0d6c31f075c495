from __future__ import annotations

import subprocess
import sys

from begat.lineage import content


def test_names() -> None:
    """What is offered is there, and sorted."""
    assert content.__all__ == sorted(content.__all__)
    assert all(hasattr(content, name) for name in content.__all__)


def test_light() -> None:
    """Importing content imports none of the libraries that tables and models need."""
    script = """
import sys
import begat.lineage.content.models, begat.lineage.content.sources, begat.lineage.content.tables
print(*sorted({"numpy", "pandas", "pyarrow", "sklearn", "skops"} & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert found.stdout.split() == []
