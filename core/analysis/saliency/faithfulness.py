"""Faithfulness scores of attribution maps: infidelity and sensitivity, by Captum."""

import warnings

from captum import metrics as captum
import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.analysis.saliency.captum_compat import captum_copy
from core.analysis.saliency.explain import Settings, empty, explain

SHAKES = 32  # changed copies, for infidelity
SHAKEN = 0.05  # deviation of the noise on pixels in [0, 1]
CELLS, COVERED = 8, 0.2  # squares across the shorter side, and the share of them that is emptied
NEAR, NEIGHBOURS = 0.02, 4  # how far a pixel moves at most, and the copies, for sensitivity
LOCAL = ("saliency", "guided_backprop")  # maps that say what a small change does, not what a pixel adds


def infidelity(model: nn.Module, x: Tensor, target: Tensor, attribution: Tensor, how: str, settings: Settings) -> Tensor:
    """(B,) of Yeh et al. (arXiv:1901.09392): error of a map in predicting how changes of the image change the target's logit.

    Noise on every pixel for gradients; squares set to the baseline for maps of what each pixel adds. Normalised, so that a
    map's unit does not count, and divided by the mean square of the logit's changes: 0 is perfect, 1 is a map of zeros.
    attribution: the map, (B, C, H, W) or (B, 1, H, W), which is then spread over the channels.
    """
    adapted = captum_copy(model)
    whole = attribution if attribution.shape == x.shape else (attribution / x.shape[1]).expand(x.shape)
    start = empty(adapted, x, settings.baseline)

    def noisy(pixels: Tensor) -> tuple[Tensor, Tensor]:
        noise = torch.randn_like(pixels) * SHAKEN
        return noise, pixels - noise

    def emptied(pixels: Tensor) -> tuple[Tensor, Tensor]:
        cells = (torch.rand(len(pixels), 1, CELLS, CELLS) < COVERED).float()
        covered = F.interpolate(cells, pixels.shape[2:], mode="nearest").expand(pixels.shape)
        return covered, pixels - covered * (pixels - start)

    change = noisy if how in LOCAL else emptied

    def missed(values: Tensor, normalize: bool) -> Tensor:
        torch.manual_seed(settings.seed)
        value: Tensor = captum.infidelity(adapted, change, x, values, target=target, n_perturb_samples=SHAKES, normalize=normalize)
        return value

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        return missed(whole.contiguous(), True) / missed(torch.zeros_like(x), False)


def sensitivity(model: nn.Module, x: Tensor, target: Tensor, how: str, settings: Settings) -> Tensor:
    """(B,) of Yeh et al.: the largest change of the map where each pixel moves by at most NEAR; near 0 is steady.

    Relative to the map's length, as Captum has it; the publication does not divide.
    """

    def again(pixels: tuple[Tensor, ...], target: Tensor) -> tuple[Tensor]:
        return (explain(model, pixels[0], target, how, settings).map,)  # of a bare tensor Captum compares all with the first image's

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # as in explain
        torch.manual_seed(settings.seed)
        largest: Tensor = captum.sensitivity_max(again, x, target=target, perturb_radius=NEAR, n_perturb_samples=NEIGHBOURS,
                                                 max_examples_per_batch=len(x))  # fmt: skip
    return largest
