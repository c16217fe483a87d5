"""The shelf of architectures: key -> builder of an untrained model. To add one: write its file, then its line here."""

from collections.abc import Callable

from torch import nn

from core.descriptions import DatasetInfo, ModelInfo
from core.models import small_cnn

MODELS: dict[str, Callable[[DatasetInfo], nn.Module]] = {small_cnn.INFO.key: small_cnn.build}
MODEL_INFOS: tuple[ModelInfo, ...] = (small_cnn.INFO,)
