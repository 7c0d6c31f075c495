"""Small wheels, for uv to install from a folder instead of an index."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

#: Finds them; `UV_FIND_LINKS` and `UV_CACHE_DIR` say where.
OFFLINE = {"UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}


def write(folder: Path, name: str, version: str, modules: Mapping[str, str]) -> None:
    """Put a wheel of a distribution that needs no other into a folder.

    Args:
        folder: is made if it is not there.
        name: of the distribution.
        version: its version.
        modules: what it installs: text by path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = name.replace("-", "_").replace(".", "_")
    about = f"{file}-{version}.dist-info"
    files = {
        **modules,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / f"{file}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
