"""All-CNN: nine convolutions, strides in place of pooling (Springenberg et al., arXiv:1412.6806, model C, with BatchNorm).

Its last 1x1 convolution and the average behind it are one linear map: here the average comes first, then a linear layer.
"""

from collections import OrderedDict

from torch import nn

from core.domain.info import DatasetInfo, ModelInfo
from core.models.layers import GlobalMean, Normalise

INFO = ModelInfo(
    "all_cnn", "All-CNN", "Nine convolutions with BatchNorm, strides in place of pooling; about 1.4 million weights."
)
WIDTHS = ((96, 3, 1), (96, 3, 1), (96, 3, 2), (192, 3, 1), (192, 3, 1), (192, 3, 2), (192, 3, 1), (192, 1, 1))  # out, kernel, stride


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise(data.mean, data.deviation))
    channels = data.channels
    for index, (width, kernel, stride) in enumerate(WIDTHS, 1):
        layers[f"conv{index}"] = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
        layers[f"norm{index}"] = nn.BatchNorm2d(width)
        layers[f"relu{index}"] = nn.ReLU()
        channels = width
    return nn.Sequential(layers | {"pool": GlobalMean(), "classifier": nn.Linear(channels, len(data.classes))})
