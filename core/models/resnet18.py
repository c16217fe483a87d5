"""ResNet-18 (He et al., arXiv:1512.03385) of torchvision's blocks; a 3x3 stem without pooling below 64 pixels."""

from collections import OrderedDict

from torch import nn

from core.domain.info import DatasetInfo, ModelInfo
from core.models.layers import SMALL, GlobalMean, Normalise

INFO = ModelInfo(
    "resnet18", "ResNet-18", "Eight residual blocks, 11.2 million weights; below 64 pixels with a 3x3 stem that does not shrink."
)
WIDTHS = (64, 128, 256, 512)


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes)."""
    small = min(data.height, data.width) < SMALL
    stem = nn.Conv2d(data.channels, 64, 3, padding=1, bias=False) if small else nn.Conv2d(data.channels, 64, 7, 2, 3, bias=False)
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        normalise=Normalise(data.mean, data.deviation), stem=stem, stem_norm=nn.BatchNorm2d(64), stem_relu=nn.ReLU(inplace=True)
    )
    if not small:
        layers["stem_pool"] = nn.MaxPool2d(3, 2, 1)
    channels = 64
    for index, width in enumerate(WIDTHS, 1):
        layers[f"stage{index}"] = nn.Sequential(_block(channels, width, 1 if index == 1 else 2), _block(width, width, 1))
        channels = width
    model = nn.Sequential(layers | {"pool": GlobalMean(), "classifier": nn.Linear(channels, len(data.classes))})
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def _block(inside: int, outside: int, stride: int) -> nn.Module:
    from torchvision.models.resnet import BasicBlock  # noqa: PLC0415  # torchvision costs a second and a half that listing models need not pay

    if stride == 1 and inside == outside:
        plain: nn.Module = BasicBlock(inside, outside)
        return plain
    shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
    shrinking: nn.Module = BasicBlock(inside, outside, stride, shortcut)
    return shrinking
