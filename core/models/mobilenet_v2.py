"""MobileNetV2 (Sandler et al., arXiv:1801.04381), torchvision's; below 64 pixels its stem and second stage do not shrink."""

from collections import OrderedDict

from torch import nn

from core.domain.info import DatasetInfo, ModelInfo
from core.models.layers import SMALL, GlobalMean, Normalise

INFO = ModelInfo(
    "mobilenet_v2", "MobileNetV2", "Seventeen inverted residual blocks, 2.2 million weights; below 64 pixels it shrinks later."
)
STAGES = ([1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1])  # t, c, n, s


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes). Without dropout: no draw but the run's."""
    from torchvision.models import mobilenet_v2  # noqa: PLC0415  # torchvision costs a second and a half that listing models need not pay

    small = min(data.height, data.width) < SMALL
    stages = [[t, c, n, 1 if small and c == 24 else s] for t, c, n, s in STAGES]
    network = mobilenet_v2(num_classes=len(data.classes), inverted_residual_setting=stages, dropout=0.0)
    stem = network.features[0]
    stem[0] = nn.Conv2d(data.channels, 32, 3, 1 if small else 2, padding=1, bias=False)
    nn.init.kaiming_normal_(stem[0].weight, mode="fan_out")
    blocks = {f"block{index}": block for index, block in enumerate(network.features[1:-1], 1)}
    layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise(data.mean, data.deviation), stem=stem)
    return nn.Sequential(layers | blocks | {"head": network.features[-1], "pool": GlobalMean(), "classifier": network.classifier[1]})
