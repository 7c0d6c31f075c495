"""What begat uses of torch, without torch: generators whose numbers depend on their state."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


@dataclass
class _Cuda:
    """Generators of GPUs, which cannot be asked before CUDA has started."""

    started: bool = False
    generators: list[random.Random] = field(default_factory=lambda: [random.Random(7)])

    def is_initialized(self) -> bool:
        return self.started

    def get_rng_state_all(self) -> list[Any]:
        assert self.started, "asking for the state would start CUDA"
        return [generator.getstate() for generator in self.generators]

    def set_rng_state_all(self, states: list[Any]) -> None:
        for generator, state in zip(self.generators, states, strict=True):
            generator.setstate(state)


class Torch(ModuleType):
    """Stands in `sys.modules` for torch."""

    def __init__(self) -> None:
        super().__init__("torch")
        self.generator = random.Random(1)
        self.cuda = _Cuda()
        self.backends = ModuleType("torch.backends")
        self.backends.cudnn = ModuleType("torch.backends.cudnn")  # type: ignore[attr-defined]  # as torch has it
        self.switches = self.backends.cudnn
        self.switches.deterministic = False  # type: ignore[attr-defined]  # as torch has it
        self.switches.benchmark = True  # type: ignore[attr-defined]  # as torch has it
        self.switches.version = lambda: None  # type: ignore[attr-defined]  # built for processors
        self.version = ModuleType("torch.version")
        self.version.cuda = None  # type: ignore[attr-defined]  # built for processors

    def rand(self) -> float:
        """A number of the global generator, as `torch.rand(1).item()`."""
        return self.generator.random()

    def manual_seed(self, seed: int) -> None:
        for generator in (self.generator, *self.cuda.generators):
            generator.seed(seed)

    def get_rng_state(self) -> Any:
        return self.generator.getstate()

    def set_rng_state(self, state: Any) -> None:
        self.generator.setstate(state)

    def are_deterministic_algorithms_enabled(self) -> bool:
        return False
