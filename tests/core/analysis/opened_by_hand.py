"""A finished run made by hand, for questions about runs: one pixel, two classes, weights that can be computed with."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from core.data.dataset import Dataset, Examples
from core.data.splits import split
from core.domain.errors import WrongInput
from core.domain.requests.classes import ClassRequest
from tests.tiny import tiny_of


def network(weight: list[list[float]], bias: list[float]) -> nn.Module:
    """Logits weight * pixel + bias of images (B, 1, 1, 1)."""
    made = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    made.load_state_dict({"1.weight": torch.tensor(weight), "1.bias": torch.tensor(bias)})
    return made.eval()


class ByHand:
    """What core.analysis.finished_run.FinishedRun is to its callers; original, unlearned, reference: networks."""

    def __init__(self, networks: dict[str, nn.Module], recorded: dict[str, Tensor], params: dict[str, Any] | None = None) -> None:
        images = torch.tensor([255, 255, 0, 0, 255, 0], dtype=torch.uint8).view(6, 1, 1, 1)
        labels = torch.tensor([1, 1, 0, 0, 1, 0])
        data = Dataset(tiny_of(1).dataset.info, Examples(images[:4], labels[:4]), Examples(images[4:], labels[4:]))
        self.run = SimpleNamespace(id="byhand", spec=SimpleNamespace(params=params or {}))
        self.splits = split(data, ClassRequest((1,)))  # the bright images must go
        self.networks, self.recorded = networks, recorded
        self.weights = {name: dict(made.state_dict()) for name, made in networks.items()}
        self.files = {"recorded": "recorded.safetensors"} if recorded else {}

    def model(self, name: str) -> nn.Module:
        return self.networks[name]

    def fresh(self) -> nn.Module:
        return network([[0.0], [0.0]], [0.0, 0.0])

    def arrays(self, name: str) -> dict[str, Tensor]:
        if name not in self.files:
            raise WrongInput(f"no {name}")
        return self.recorded
