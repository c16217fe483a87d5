"""All that decides how training goes on after an epoch, as tensors and back."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.training.early_stop import Validation


@dataclass(frozen=True)
class Training:
    """All that decides how training goes on after an epoch."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    validation: Validation | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Weights, buffers, the optimiser's own numbers, rates, steps of the schedule, the random generator, and what validation found."""
        found = {f"model/{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, own in self._own():
            found |= {f"optimiser/{index}/{name}": value for name, value in own.items() if isinstance(value, Tensor)}
        rates = [group["lr"] for group in self.optimiser.param_groups]
        return found | (self.validation.tensors() if self.validation else {}) | {
            "rates": torch.tensor(rates, dtype=torch.float64), "steps": torch.tensor(self.schedule.last_epoch),
            "generator": self.generator.get_state(),
        }  # fmt: skip

    def restore(self, found: dict[str, Tensor]) -> None:
        """The inverse of `tensors`, for a training that was begun in the same way."""
        self.model.load_state_dict({name.partition("/")[2]: value for name, value in found.items() if name.startswith("model/")})
        weights, on_device = self._weights(), bool(self.optimiser.defaults.get("fused"))
        for name, value in found.items():
            if name.startswith("optimiser/"):
                _, index, own = name.split("/")
                theta = weights[int(index)]
                self.optimiser.state[theta][own] = value.to(theta.device) if value.ndim or on_device else value  # of steps a count
        for group, rate in zip(self.optimiser.param_groups, found["rates"].tolist(), strict=True):
            group["lr"] = rate
        self.schedule.last_epoch = int(found["steps"])
        self.generator.set_state(found["generator"])
        if self.validation:
            self.validation.restore(found)

    def _weights(self) -> list[Tensor]:
        return [theta for group in self.optimiser.param_groups for theta in group["params"]]

    def _own(self) -> Iterator[tuple[int, dict[str, object]]]:
        for index, theta in enumerate(self._weights()):
            yield index, self.optimiser.state.get(theta, {})
