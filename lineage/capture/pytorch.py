"""torch's global generators and switches, while a run has them.

Layers draw their first weights from torch's global generators, so a run cannot be given one of
its own as it can of numpy's. They are seeded when the run starts and go on afterwards as if it
had not been. Runs at the same time, on threads, share them: then who draws which number is
chance, and each of these runs says so.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("begat")

Restore = Callable[[], None]


@dataclass(eq=False, kw_only=True, slots=True)
class Hold:
    """A run's hold on torch's generators."""

    #: The runs that this one was called in, the outermost first.
    outer: Sequence[Hold] = ()
    #: Whether another run drew from the same generators meanwhile.
    shared: bool = False
    #: What was in force when the run ended.
    deterministic_algorithms: bool = False
    cudnn_deterministic: bool = False
    cudnn_benchmark: bool = False

    def to_json(self) -> dict[str, bool]:
        """`torch` of `begat_seeds`."""
        return {
            "shared": self.shared,
            "deterministic_algorithms": self.deterministic_algorithms,
            "cudnn_deterministic": self.cudnn_deterministic,
            "cudnn_benchmark": self.cudnn_benchmark,
        }


_mine: ContextVar[tuple[Hold, ...]] = ContextVar("begat_torch", default=())
_holds: list[Hold] = []
_lock = threading.Lock()
#: Undoes what the first of the runs that overlap did; called when the last of them has ended.
_undo: list[Restore] = []


@contextmanager
def seeded(seed: int | None) -> Iterator[Hold | None]:
    """Let torch's generators start at `seed`, and cuDNN choose deterministic algorithms.

    Nothing that goes wrong with torch here stops the run.

    Args:
        seed: what `torch.manual_seed` gets, which seeds the CPU and all GPUs; None: torch is
            left alone.

    Yields:
        What the run has, complete when the block ends; None if torch is left alone.
    """
    torch = None if seed is None else _told("torch cannot be seeded", _import)
    if torch is None:
        yield None
        return
    hold = Hold(outer=_mine.get())
    restore = _told("torch cannot be seeded", lambda: _enter(torch, hold, seed))
    token = _mine.set((*hold.outer, hold))
    try:
        yield hold
    finally:
        _mine.reset(token)
        _told("torch cannot be put back", lambda: _leave(torch, hold, restore))


def _enter(torch: Any, hold: Hold, seed: int | None) -> Restore | None:
    with _lock:
        others = [other for other in _holds if other not in hold.outer]
        for other in (*others, hold):
            other.shared = other.shared or bool(others)
        if not _holds:
            _undo.append(_switches(torch))
            _undo.append(_generators(torch))
        restore = None if others else _generators(torch)
        _holds.append(hold)
        if not others:  # who came first is not disturbed
            torch.manual_seed(seed)
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    return restore


def _leave(torch: Any, hold: Hold, restore: Restore | None) -> None:
    with _lock:
        hold.deterministic_algorithms = torch.are_deterministic_algorithms_enabled()
        hold.cudnn_deterministic = torch.backends.cudnn.deterministic
        hold.cudnn_benchmark = torch.backends.cudnn.benchmark
        if hold in _holds:
            _holds.remove(hold)
        if not _holds:
            while _undo:
                _undo.pop()()
        elif restore is not None and not hold.shared:
            restore()


def _generators(torch: Any) -> Restore:
    cpu = torch.get_rng_state()
    # Asking the GPUs would start CUDA, which a process that forks must not have done.
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def restore() -> None:
        torch.set_rng_state(cpu)
        if gpus:
            torch.cuda.set_rng_state_all(gpus)

    return restore


def _switches(torch: Any) -> Restore:
    cudnn = torch.backends.cudnn
    deterministic, benchmark = cudnn.deterministic, cudnn.benchmark

    def restore() -> None:
        cudnn.deterministic, cudnn.benchmark = deterministic, benchmark

    return restore


def _import() -> Any:
    return importlib.import_module("torch")


def _told(what: str, attempt: Callable[[], Any]) -> Any:
    try:
        return attempt()
    except Exception as error:
        log.warning("%s: %s: %s", what, type(error).__name__, error)
        return None
