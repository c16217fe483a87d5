"""Attention rollout (Abnar and Zuidema, arXiv:2005.00928): how much of each patch reaches the classifier's input."""

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.models.layers import ToSquare
from core.models.vit_b_16 import FirstToken
from core.models.vit_small import HEADS


def rollout(model: nn.Module, x: Tensor) -> Tensor:
    """x: (B, C, H, W) -> (B, 1, H, W), nowhere below 0; the same for every class.

    Without a class token an image's map sums to 1 over whole patches; with one it has no such sum: that token keeps a share for
    itself, and the map of the network's square input is resized to the image.

    model: a copy (core.analysis.saliency.captum_compat), since hooks are set. Each block's heads are averaged, and the residual
    counts as half of each token.
    """
    attentions: list[Tensor] = []
    handles = []
    for module in model.modules():
        attend = getattr(module, "attend", None)
        if isinstance(attend, nn.Linear):
            heads = int(getattr(module, "heads", HEADS))
            handles.append(attend.register_forward_hook(lambda _m, _i, out, heads=heads: attentions.append(_attention(out, heads))))
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    flow = torch.eye(attentions[0].shape[-1])
    for attention in attentions:
        flow = (attention + torch.eye(attention.shape[-1])) / 2 @ flow
    classed = any(isinstance(m, FirstToken) for m in model.modules())
    return _spread(model, flow[:, 0, 1:] if classed else flow.mean(1), x)


def _attention(out: Tensor, heads: int) -> Tensor:
    """Concatenated queries, keys and values (B, T, 3 D) -> the mean of the heads' attention (B, T, T)."""
    query, key, _ = torch.unflatten(out.detach(), 2, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, heads, T, d)
    each: Tensor = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
    return each.mean(1)


def _spread(model: nn.Module, patches: Tensor, x: Tensor) -> Tensor:
    """(B, T) -> (B, 1, H, W): each patch's share over its pixels; what was filled in at the edge is cut off."""
    square = next((m.side for m in model.modules() if isinstance(m, ToSquare)), None)
    size = next(m.kernel_size[0] for m in model.modules() if isinstance(m, nn.Conv2d))
    height, width = (square, square) if square else x.shape[2:]
    down, across = -(-height // size), -(-width // size)
    whole = F.interpolate(patches.reshape(len(x), 1, down, across) / size**2, scale_factor=size, mode="nearest")
    return F.interpolate(whole, x.shape[2:], mode="nearest") if square else whole[..., :height, :width]
