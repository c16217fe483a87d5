"""torchvision's ViT-B/16 (Dosovitskiy et al., arXiv:2010.11929): 86 million weights; images are brought to a square of whole patches.

Its attention is written as the two linear layers that it is, with torchvision's first weights: what a layer is called with can
be seen then, and importance needs one backward pass instead of one for each example.
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

    def __init__(self, whole: "VisionTransformer") -> None:
        super().__init__()
        self.embed, self.token, self.place = whole.conv_proj, whole.class_token, whole.encoder.pos_embedding

    def forward(self, x: Tensor) -> Tensor:
        """x: float32 (B, C, H, H), normalised."""
        patches: Tensor = self.embed(x).flatten(2).mT
        whole: Tensor = torch.cat([self.token.expand(len(x), -1, -1), patches], 1) + self.place
        return whole


class Attention(nn.Module):
    """torch's own multi-head attention of tokens to themselves, as two linear layers with its weights; (B, T, D)."""

    def __init__(self, whole: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads, width = whole.num_heads, whole.embed_dim
        with torch.device("meta"):  # their own first weights would be drawn for nothing
            self.attend, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.attend.weight, self.attend.bias = whole.in_proj_weight, whole.in_proj_bias
        self.merge.weight, self.merge.bias = whole.out_proj.weight, whole.out_proj.bias

    def forward(self, x: Tensor, *_same: Tensor, need_weights: bool = False) -> tuple[Tensor, None]:
        """x: tokens (B, T, D), which torchvision's block passes as query, key and value, with no need of the attention's weights."""
        return self.merge(attended(self.attend(x), self.heads)), None


class FirstToken(nn.Module):
    """(B, T, D) -> (B, D): what the class token has become."""

    def forward(self, x: Tensor) -> Tensor:
        """x: tokens (B, T, D)."""
        return x[:, 0]


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes)."""
    side = PATCH * max(FEWEST, round(max(data.height, data.width) / PATCH))
    from torchvision.models import vit_b_16  # noqa: PLC0415  # torchvision costs a second and a half that listing models need not pay

    whole = vit_b_16(image_size=side, num_classes=len(data.classes))
    if data.channels != 3:
        whole.conv_proj = nn.Conv2d(data.channels, whole.hidden_dim, PATCH, PATCH)
    for block in whole.encoder.layers:
        block.self_attention = Attention(block.self_attention)
    nn.init.trunc_normal_(whole.heads.head.weight, std=0.02)  # torchvision begins at 0, where nothing below it can learn
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        normalise=Normalise(data.mean, data.deviation), square=ToSquare(side), tokens=Tokens(whole)
    )
    layers |= {f"block{index}": block for index, block in enumerate(whole.encoder.layers, 1)}
    return nn.Sequential(layers | {"norm": whole.encoder.ln, "pool": FirstToken(), "classifier": whole.heads.head})
