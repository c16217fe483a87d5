"""The registry of architectures: key -> builder of an untrained model. To add one: write its file, then its line here."""

from collections.abc import Callable

from torch import nn

from core.domain.info import DatasetInfo, ModelInfo
from core.domain.shelf import Shelf
from core.models import all_cnn, mobilenet_v2, resnet18, small_cnn, vit_b_16, vit_small
from core.models.timm_names import is_timm
from core.models.timm_networks import builder


class Networks(Shelf[Callable[[DatasetInfo], nn.Module]]):
    """Those below by key, and any of timm's by name."""

    def __missing__(self, key: str) -> Callable[[DatasetInfo], nn.Module]:
        """Raises WrongInput."""
        if is_timm(key):
            return builder(key)
        return super().__missing__(key)


_MODULES = (small_cnn, all_cnn, resnet18, vit_small, mobilenet_v2, vit_b_16)
MODELS = Networks("network", {module.INFO.key: module.build for module in _MODULES})
MODEL_INFOS: list[ModelInfo] = [module.INFO for module in _MODULES]
