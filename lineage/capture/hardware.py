"""The machine that the process runs on."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import asdict, dataclass
from typing import Any

from ..events import facets
from . import nvidia, packages


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardware:
    """Processor, memory, and NVIDIA's GPUs with their software."""

    #: The processor's own name, else its architecture.
    cpu: str
    #: Logical cores of the machine, and those that this process may use.
    cores: int
    usable_cores: int
    #: Memory of the machine; 0 if the system does not say.
    ram_bytes: int
    #: One name a device.
    gpu: tuple[str, ...] = ()
    #: Version of the GPUs' driver.
    driver: str = ""
    #: Versions of the libraries: torch's own once it is imported, else what is installed, else
    #: for CUDA the newest that the driver supports.
    cuda: str = ""
    cudnn: str = ""

    def to_facet(self) -> facets.Facet:
        """`begat_hardware`."""
        return facets.hardware({**asdict(self), "gpu": list(self.gpu)})


def capture() -> Hardware:
    """The machine, looked at once a process, and again when torch has been imported."""
    return _capture("torch" in sys.modules)


@functools.cache
def _capture(torch_is_there: bool) -> Hardware:
    cores = os.cpu_count() or 1
    gpu = nvidia.capture()
    cuda, cudnn = _of_torch(sys.modules["torch"]) if torch_is_there else ("", "")
    return Hardware(
        cpu=_cpu(),
        cores=cores,
        usable_cores=_usable(cores),
        ram_bytes=_ram(),
        gpu=gpu.gpus,
        driver=gpu.driver,
        cuda=cuda or _installed("nvidia-cuda-runtime") or gpu.cuda,
        cudnn=cudnn or _installed("nvidia-cudnn"),
    )


def _of_torch(torch: Any) -> tuple[str, str]:
    """Versions of CUDA and cuDNN that torch was built for; empty if it was built for none."""
    try:
        number = torch.backends.cudnn.version() or 0
        cuda = torch.version.cuda or ""
    except Exception:  # a torch that is half imported, or whose libraries do not fit together
        return "", ""
    # Until 9 it is 1000 for the major version, then 10000: 8902 is 8.9.2 and 90100 is 9.1.0.
    major, rest = divmod(number, 10_000 if number >= 10_000 else 1_000)
    return cuda, f"{major}.{rest // 100}.{rest % 100}" if number else ""


def _installed(name: str) -> str:
    """Version of a library of NVIDIA's, whose distributions may end in CUDA's: `-cu12`."""
    versions = [
        version
        for distribution, version in packages.capture().distributions.items()
        if distribution == name or distribution.startswith(f"{name}-cu")
    ]
    return versions[-1] if versions else ""


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() in ("model name", "Model", "cpu model"):
                    return " ".join(value.split())
    except OSError:
        pass  # not Linux
    return os.uname().machine


def _usable(cores: int) -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # a system without affinity
        return cores


def _ram() -> int:
    try:
        return max(0, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError):
        return 0
