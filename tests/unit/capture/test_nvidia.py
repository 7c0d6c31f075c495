"""NVIDIA's driver, spoken to as its library is: through C's calling convention."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, c_int, c_uint, c_void_p
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from begat.lineage.capture import nvidia
from begat.lineage.capture.nvidia import Nvidia

VERSION = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build\n"
INFORMATION = """\
Model: \t\t NVIDIA A100-SXM4-40GB
IRQ:   \t\t 52
GPU UUID: \t GPU-00000000-0000-0000-0000-000000000000
"""


class Library:
    """A management library as C has it; `calls` are the names of what was asked."""

    def __init__(self, names: list[str], *, fails: str = "") -> None:
        self.calls: list[str] = []
        self.fails = fails
        self._functions = {
            "nvmlInit_v2": CFUNCTYPE(c_int)(lambda: 0),
            "nvmlShutdown": CFUNCTYPE(c_int)(lambda: 0),
            "nvmlDeviceGetCount_v2": CFUNCTYPE(c_int, POINTER(c_uint))(
                lambda count: self._set(count, len(names))
            ),
            "nvmlSystemGetCudaDriverVersion_v2": CFUNCTYPE(c_int, POINTER(c_int))(
                lambda version: self._set(version, 12040)
            ),
            "nvmlDeviceGetHandleByIndex_v2": CFUNCTYPE(c_int, c_uint, POINTER(c_void_p))(
                # As big as an address is, so that a handle cut to an int is found out.
                lambda index, device: self._set(device, (1 << 40) + index)
            ),
            "nvmlDeviceGetName": CFUNCTYPE(c_int, c_void_p, c_void_p, c_uint)(
                lambda device, buffer, size: self._write(names[device - (1 << 40)], buffer, size)
            ),
            "nvmlSystemGetDriverVersion": CFUNCTYPE(c_int, c_void_p, c_uint)(
                lambda buffer, size: self._write("550.54.14", buffer, size)
            ),
        }

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return CFUNCTYPE(c_int)(lambda: 999) if name == self.fails else self._functions[name]

    @staticmethod
    def _set(pointer: Any, value: int) -> int:
        pointer[0] = value
        return 0

    @staticmethod
    def _write(text: str, buffer: int, size: int) -> int:
        data = text.encode() + b"\0"
        if len(data) > size:
            return 7  # NVML_ERROR_INSUFFICIENT_SIZE
        ctypes.memmove(buffer, data, len(data))
        return 0


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A machine with a driver, whose library and files a test puts there."""
    device = tmp_path / "nvidiactl"
    device.touch()
    found = SimpleNamespace(library=None, proc=tmp_path / "proc")

    def load(name: str) -> Any:
        assert name == "libnvidia-ml.so.1"
        if found.library is None:
            raise OSError("libnvidia-ml.so.1: cannot open shared object file")
        return found.library

    monkeypatch.setattr(nvidia, "DEVICES", (str(device),))
    monkeypatch.setattr(nvidia, "PROC", str(found.proc))
    monkeypatch.setattr(ctypes, "CDLL", load)
    return found


def proc(folder: Path, version: str, *devices: str) -> None:
    """Lay the driver's files out."""
    for number, text in enumerate(devices):
        path = folder / "gpus" / f"0000:0{number}:00.0"
        path.mkdir(parents=True)
        (path / "information").write_text(text)
    folder.mkdir(exist_ok=True)
    (folder / "version").write_text(version)


def test_without_a_device_nobody_is_asked(
    machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No library is loaded where no driver is."""
    machine.library = Library(["never"])
    monkeypatch.setattr(nvidia, "DEVICES", ("/nowhere",))

    assert (nvidia.capture(), machine.library.calls) == (Nvidia(), [])


def test_the_library_names_devices_driver_and_cuda(machine: SimpleNamespace) -> None:
    """Every device is named, in order; the library is given back."""
    names = ["NVIDIA A100-SXM4-40GB", "N" * 95]
    machine.library = Library(names)

    assert nvidia.capture() == Nvidia(gpus=tuple(names), driver="550.54.14", cuda="12.4")
    assert machine.library.calls[-1] == "nvmlShutdown"


@pytest.mark.parametrize("fails", ["nvmlInit_v2", "nvmlDeviceGetCount_v2", "nvmlDeviceGetName"])
def test_where_the_library_fails_files_are_read(machine: SimpleNamespace, fails: str) -> None:
    """A library that does not answer is given back, and the driver's files say what they say."""
    machine.library = Library(["NVIDIA H100"], fails=fails)
    proc(machine.proc, VERSION, INFORMATION, INFORMATION.replace("A100", "H100"))
    found = nvidia.capture()

    assert found.gpus == ("NVIDIA A100-SXM4-40GB", "NVIDIA H100-SXM4-40GB")
    assert (found.driver, found.cuda) == ("535.104.05", "")
    assert ("nvmlShutdown" in machine.library.calls) == (fails != "nvmlInit_v2")


def test_the_open_driver_has_a_version_too(machine: SimpleNamespace) -> None:
    """The open kernel module writes its version in another line."""
    proc(machine.proc, OPEN)

    assert nvidia.capture() == Nvidia(driver="550.54.14")


def test_a_driver_that_says_nothing_is_no_error(machine: SimpleNamespace) -> None:
    """With neither library nor files nothing is known."""
    assert nvidia.capture() == Nvidia()
