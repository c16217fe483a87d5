"""What a network computes of the evaluated images in one pass: logits of all, and features of a draw of them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.metrics.layer_features import flat
from core.models.forward_look import NotFound
from core.models.layer_groups import ends
from core.training.batch_size import forward_chunk


@torch.no_grad()
def predict_and_observe(model: nn.Module, examples: Examples, wanted: Tensor, device: str) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Logits float32 (N, C) of the examples, and of those at `wanted`, int64 (n,), rising, the features of each layer group, (n, d).

    All on the CPU; the model is in eval mode. No features of a model that is no chain of layers.
    """
    try:
        observed = ends(model) if len(wanted) else {}
    except NotFound:
        observed = {}
    features: dict[str, list[Tensor]] = {name: [] for name in observed}
    inside = torch.zeros(len(examples), dtype=torch.bool)
    inside[wanted] = True

    def pixels(part: slice) -> Tensor:
        x = examples.taken(part).to(device).float() / examples.peak
        return x.contiguous(memory_format=torch.channels_last)

    def compute(part: slice) -> Tensor:
        chosen, found = inside[part], {}

        def observe(name: str, output: Tensor) -> None:
            found[name] = flat(output)[chosen.to(output.device)].float().cpu()

        hooks = [
            layer.register_forward_hook(lambda _, __, output, name=name: observe(name, output))
            for name, layer in (observed.items() if chosen.any() else ())
        ]
        try:
            logits = torch.as_tensor(model(pixels(part)).float().cpu())
        finally:
            for hook in hooks:
                hook.remove()
        for name, rows in found.items():
            features[name].append(rows)
        return logits

    chunk = forward_chunk(model, pixels(slice(1)))
    logits = torch.cat(list(chunk.through(len(examples), compute)))
    return logits, {name: torch.cat(parts) for name, parts in features.items()}
