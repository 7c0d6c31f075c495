"""The machine that the process runs on."""

from __future__ import annotations

import functools
import os
from dataclasses import asdict, dataclass

from ..events import facets


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardware:
    """Processor and memory; of a GPU nothing is known yet."""

    #: The processor's own name, else its architecture.
    cpu: str
    #: Logical cores of the machine, and those that this process may use.
    cores: int
    usable_cores: int
    #: Memory of the machine; 0 if the system does not say.
    ram_bytes: int
    #: One name a device.
    gpu: tuple[str, ...] = ()
    #: Versions of the GPU's software.
    driver: str = ""
    cuda: str = ""
    cudnn: str = ""

    def to_facet(self) -> facets.Facet:
        """`begat_hardware`."""
        return facets.hardware({**asdict(self), "gpu": list(self.gpu)})


@functools.cache
def capture() -> Hardware:
    """The machine, looked at once a process."""
    cores = os.cpu_count() or 1
    return Hardware(cpu=_cpu(), cores=cores, usable_cores=_usable(cores), ram_bytes=_ram())


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
