"""Two convolutions and two linear layers: seconds on a CPU, any 1- or 3-channel image from 8x8 up."""

from collections import OrderedDict

from torch import nn

from core.domain.info import DatasetInfo, ModelInfo
from core.models.layers import Normalise

INFO = ModelInfo(
    "small_cnn", "Small CNN", "Two 3x3 convolutions with BatchNorm, two linear layers; the smallest network here."
)


def build(data: DatasetInfo) -> nn.Module:
    """An untrained model: float32 (B, C, H, W) in [0, 1] -> logits (B, classes). The short side must be 8 or more.

    Pooling by whole factors, not adaptively: the latter's gradient is not deterministic on CUDA.
    """
    halvings = max(1, min(data.height, data.width).bit_length() - 3)  # the short side ends at 4 to 7
    first, second = 2 ** (halvings - 1), 2
    cells = (data.height // first // second) * (data.width // first // second)
    return nn.Sequential(
        OrderedDict(
            normalise=Normalise(data.mean, data.deviation),
            conv1=nn.Conv2d(data.channels, 16, 3, padding=1),
            norm1=nn.BatchNorm2d(16),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(first) if first > 1 else nn.Identity(),
            conv2=nn.Conv2d(16, 32, 3, padding=1),
            norm2=nn.BatchNorm2d(32),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(second),
            flatten=nn.Flatten(),
            hidden=nn.Linear(32 * cells, 64),
            relu3=nn.ReLU(),
            classifier=nn.Linear(64, len(data.classes)),
        )
    )
