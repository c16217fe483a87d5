"""torchvision's ViT-B/16 (Dosovitskiy et al., arXiv:2010.11929): 86 million weights; images are brought to a square of whole patches.

Its attention is written as two linear layers with torchvision's initial weights, so that hooks see their inputs and importance
needs one backward pass instead of one for each example.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from core.domain.info import DatasetInfo, ModelInfo
from core.models.layers import Normalise, ToSquare, attended

if TYPE_CHECKING:
    from torchvision.models.vision_transformer import VisionTransformer

INFO = ModelInfo(
    "vit_b_16", "ViT-B/16", "torchvision's vision transformer, 86 million weights, 16-pixel patches of a square image; "
    "slow without a GPU."
)
PATCH, FEWEST = 16, 2  # pixels; patches across, at least


class Tokens(nn.Module):
    """Pixels (B, 3, H, H) -> tokens (B, 1 + T, D), the class token first, each with its place added."""

    def __init__(self, source: "VisionTransformer") -> None:
        super().__init__()
        self.embed, self.token, self.place = source.conv_proj, source.class_token, source.encoder.pos_embedding

    def forward(self, x: Tensor) -> Tensor:
        """x: float32 (B, C, H, H), normalised."""
        patches: Tensor = self.embed(x).flatten(2).mT
        tokens: Tensor = torch.cat([self.token.expand(len(x), -1, -1), patches], 1) + self.place
        return tokens


class Attention(nn.Module):
    """torch's own multi-head attention of tokens to themselves, as two linear layers with its weights; (B, T, D)."""

    def __init__(self, source: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads, width = source.num_heads, source.embed_dim
        with torch.device("meta"):  # their own first weights would be drawn for nothing
            self.attend, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.attend.weight, self.attend.bias = source.in_proj_weight, source.in_proj_bias
        self.merge.weight, self.merge.bias = source.out_proj.weight, source.out_proj.bias

    def forward(self, x: Tensor, *_same: Tensor, need_weights: bool = False) -> tuple[Tensor, None]:
        """x: tokens (B, T, D), which torchvision's block passes as query, key and value, with no need of the attention's weights."""
        return self.merge(attended(self.attend(x), self.heads)), None


class FirstToken(nn.Module):
    """(B, T, D) -> (B, D): the class token."""

    def forward(self, x: Tensor) -> Tensor:
        """x: tokens (B, T, D)."""
        return x[:, 0]


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes)."""
    side = PATCH * max(FEWEST, round(max(data.height, data.width) / PATCH))
    from torchvision.models import vit_b_16  # noqa: PLC0415  # torchvision costs a second and a half that listing models need not pay

    vit = vit_b_16(image_size=side, num_classes=len(data.classes))
    if data.channels != 3:
        vit.conv_proj = nn.Conv2d(data.channels, vit.hidden_dim, PATCH, PATCH)
    for block in vit.encoder.layers:
        block.self_attention = Attention(block.self_attention)
    nn.init.trunc_normal_(vit.heads.head.weight, std=0.02)  # torchvision begins at 0, where nothing below it can learn
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        normalise=Normalise(data.mean, data.deviation), square=ToSquare(side), tokens=Tokens(vit)
    )
    layers |= {f"block{index}": block for index, block in enumerate(vit.encoder.layers, 1)}
    return nn.Sequential(layers | {"norm": vit.encoder.ln, "pool": FirstToken(), "classifier": vit.heads.head})
