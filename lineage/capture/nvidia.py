"""NVIDIA's GPUs and driver, as the driver tells them: no CUDA is started, no torch imported.

The driver is asked by its management library (NVML, what `nvidia-smi` asks), which names the
devices that this process may see; where that cannot be loaded, by its files in /proc, which
name those of the machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: One of these is there wherever a driver is, the second on Windows' Linux.
DEVICES = ("/dev/nvidiactl", "/dev/dxg")
LIBRARY = "libnvidia-ml.so.1"
PROC = "/proc/driver/nvidia"
#: Long enough for every name and version (NVML_DEVICE_NAME_V2_BUFFER_SIZE is 96).
_TEXT = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Nvidia:
    """What the driver says."""

    #: One name a device, in the driver's order.
    gpus: tuple[str, ...] = ()
    driver: str = ""
    #: The newest version of CUDA that the driver supports.
    cuda: str = ""


def capture() -> Nvidia:
    """What the driver says; nothing where there is none, or it does not answer."""
    if not any(map(os.path.exists, DEVICES)):
        return Nvidia()
    try:
        import ctypes

        return _from_library(ctypes.CDLL(LIBRARY))
    except (ImportError, OSError, AttributeError):  # not there, or too old to know a function
        return _from_files(Path(PROC))


def _from_library(library: Any) -> Nvidia:
    """Ask NVML (its API reference has the functions); raises OSError where it fails."""
    from ctypes import byref, c_int, c_uint, c_void_p

    _call(library.nvmlInit_v2)
    try:
        count, cuda = c_uint(), c_int()
        _call(library.nvmlDeviceGetCount_v2, byref(count))
        _call(library.nvmlSystemGetCudaDriverVersion_v2, byref(cuda))
        names = []
        for index in range(count.value):
            device = c_void_p()
            _call(library.nvmlDeviceGetHandleByIndex_v2, c_uint(index), byref(device))
            names.append(_text(library.nvmlDeviceGetName, device))
        return Nvidia(
            gpus=tuple(names),
            driver=_text(library.nvmlSystemGetDriverVersion),
            cuda=f"{cuda.value // 1000}.{cuda.value % 1000 // 10}",
        )
    finally:
        library.nvmlShutdown()


def _call(function: Callable[..., int], *arguments: Any) -> None:
    if status := function(*arguments):
        raise OSError(f"NVML answers {status}")


def _text(function: Callable[..., int], *arguments: Any) -> str:
    from ctypes import c_uint, create_string_buffer

    buffer = create_string_buffer(_TEXT)
    _call(function, *arguments, buffer, c_uint(_TEXT))
    return buffer.value.decode(errors="replace")


def _from_files(folder: Path) -> Nvidia:
    # "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023"
    version = re.search(r"^NVRM version:.*?\s(\d+\.[\d.]+)\s", _read(folder / "version"), re.M)
    found = (_read(file) for file in sorted(folder.glob("gpus/*/information")))
    models = (re.search(r"^Model:\s*(\S.*?)\s*$", text, re.M) for text in found)
    return Nvidia(
        gpus=tuple(model[1] for model in models if model),
        driver=version[1] if version else "",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
