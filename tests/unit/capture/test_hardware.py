"""The machine."""

from __future__ import annotations

import builtins
import os
from typing import Any

import pytest

from begat.lineage.capture import hardware
from begat.lineage.events import run_event
from begat.lineage.records import Caller, RunRef
from support.openlineage import Specification


def test_the_machine_is_told(official: Specification) -> None:
    """Processor, cores and memory are this machine's; a GPU's fields are there and empty."""
    found = hardware.capture()
    facets = {"begat_hardware": found.to_facet()}
    caller = Caller(
        run=RunRef(run_id="0" * 8 + "-0000-7000-8000-" + "0" * 12, namespace="b", job="t")
    )

    assert found.cpu
    assert found.cores == os.cpu_count()
    assert 1 <= found.usable_cores <= found.cores
    assert found.ram_bytes > 1 << 20
    assert (found.gpu, found.driver, found.cuda, found.cudnn) == ((), "", "", "")
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
    found = hardware.capture.__wrapped__()

    assert found == hardware.Hardware(cpu=os.uname().machine, cores=1, usable_cores=1, ram_bytes=0)
