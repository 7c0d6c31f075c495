"""The machine."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from begat.lineage.capture import hardware, nvidia, packages
from begat.lineage.events import run_event
from begat.lineage.records import Caller, RunRef
from support.openlineage import Specification


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test looks at the machine anew."""
    hardware._capture.cache_clear()
    yield
    hardware._capture.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, **distributions: str) -> None:
    """Let these distributions be the installed ones."""
    found = {name.replace("_", "-"): version for name, version in distributions.items()}
    machine = replace(packages.capture(), distributions=found)
    monkeypatch.setattr(packages, "capture", lambda: machine)


def torch(cuda: str | None, cudnn: int | None) -> SimpleNamespace:
    """What torch says that it was built for."""
    return SimpleNamespace(
        version=SimpleNamespace(cuda=cuda),
        backends=SimpleNamespace(cudnn=SimpleNamespace(version=lambda: cudnn)),
    )


def test_the_machine_is_told(official: Specification) -> None:
    """Processor, cores and memory are this machine's, and the event of them is valid."""
    found = hardware.capture()
    facets = {"begat_hardware": found.to_facet()}
    caller = Caller(
        run=RunRef(run_id="0" * 8 + "-0000-7000-8000-" + "0" * 12, namespace="b", job="t")
    )

    assert found.cpu
    assert found.cores == os.cpu_count()
    assert 1 <= found.usable_cores <= found.cores
    assert found.ram_bytes > 1 << 20
    official.validate(
        run_event("START", caller=caller, time="2025-01-31T12:00:00Z", run_facets=facets)
    )


def test_the_machine_is_looked_at_once() -> None:
    """A process looks at its machine once."""
    assert hardware.capture() is hardware.capture()


def test_a_system_that_says_little_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc, affinity and the size of memory the architecture and the cores are told."""

    def refuse(*arguments: Any, **keywords: Any) -> Any:
        raise OSError

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(os, "sched_getaffinity", refuse)
    monkeypatch.setattr(os, "sysconf", refuse)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.setattr(nvidia, "capture", nvidia.Nvidia)
    install(monkeypatch)
    found = hardware.capture()

    assert found == hardware.Hardware(cpu=os.uname().machine, cores=1, usable_cores=1, ram_bytes=0)


def test_gpus_are_told(monkeypatch: pytest.MonkeyPatch, official: Specification) -> None:
    """Names, driver and CUDA come from the driver where no library is installed."""
    driver = nvidia.Nvidia(gpus=("A100", "A100"), driver="550.54.14", cuda="12.4")
    monkeypatch.setattr(nvidia, "capture", lambda: driver)
    install(monkeypatch)
    facet = hardware.capture().to_facet()

    assert (facet["gpu"], facet["driver"]) == (["A100", "A100"], "550.54.14")
    assert (facet["cuda"], facet["cudnn"]) == ("12.4", "")


@pytest.mark.parametrize("ending", ["_cu12", ""])
def test_libraries_are_told_as_installed(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """What NVIDIA's distributions are is what tasks compute with, whatever the driver could."""
    driver = nvidia.Nvidia(gpus=("A100",), driver="550.54.14", cuda="12.4")
    monkeypatch.setattr(nvidia, "capture", lambda: driver)
    versions = {f"nvidia_cuda_runtime{ending}": "12.1.105", f"nvidia_cudnn{ending}": "9.1.0.70"}
    install(monkeypatch, nvidia_cuda_runtime_other="1", **versions)
    found = hardware.capture()

    assert (found.cuda, found.cudnn) == ("12.1.105", "9.1.0.70")


@pytest.mark.parametrize(
    ("cudnn", "expected"), [(90100, "9.1.0"), (8902, "8.9.2"), (91002, "9.10.2"), (None, "")]
)
def test_a_torch_that_is_imported_says_what_it_uses(
    monkeypatch: pytest.MonkeyPatch, cudnn: int | None, expected: str
) -> None:
    """Once torch is there, what it was built for counts, in both spellings of cuDNN's number."""
    install(monkeypatch, nvidia_cuda_runtime_cu12="12.1.105")
    before = hardware.capture().cuda
    monkeypatch.setitem(sys.modules, "torch", torch("12.4", cudnn))
    found = hardware.capture()

    assert (before, found.cuda, found.cudnn) == ("12.1.105", "12.4", expected)


def test_a_torch_for_processors_only_uses_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a torch names no CUDA, and a half imported one is no error."""
    install(monkeypatch)
    monkeypatch.setattr(nvidia, "capture", nvidia.Nvidia)
    monkeypatch.setitem(sys.modules, "torch", torch(None, None))
    one = hardware.capture()
    hardware._capture.cache_clear()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    other = hardware.capture()

    assert (one.cuda, one.cudnn) == (other.cuda, other.cudnn) == ("", "")
