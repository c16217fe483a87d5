"""One function for every explainer: a network, images and targets in, attribution maps out; the network is not changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any
import warnings

from captum import attr as captum
import torch
from torch import Tensor, nn

from core.analysis.saliency.attention_rollout import rollout
from core.analysis.saliency.captum_compat import captum_copy
from core.analysis.saliency.explainers import EXPLAINERS, Explainer, grids, preset
from core.analysis.saliency.explanation import Explanation
from core.analysis.saliency.integrated_gradients import COARSE, MORE, chunk, improving, most_of
from core.domain.errors import WrongInput
from core.models.inspection import outside
from core.models.layers import Normalise
from core.storage.disk_and_memory_errors import out_of_memory

SMOOTHED, MOST_STEPS = 24, 160  # default steps of Integrated Gradients: of each noisy copy; at most, where the map converges late
NOISE = 0.1  # of SmoothGrad, as deviation of pixels in [0, 1]
WINDOWS = 64  # of Occlusion, covered at once
BASELINES = ("mean", "black")


@dataclass(frozen=True)
class Settings:
    """layer: of Grad-CAM, '' for its preset. smooth: noisy copies averaged (SmoothGrad, arXiv:1706.03825), 0 for none.

    baseline: "mean" of the training pixels, which the network's first layer makes 0, or "black". steps: of Integrated Gradients, by
    Captum's own rule (Gauss-Legendre); 0 for as many as it takes, placed adaptively (see `integrated_gradients`): at most
    MOST_STEPS by `explain`, without end by `finer`. version: of an extension's explainer, so that an edited one is asked anew.
    """

    layer: str = ""
    smooth: int = 0
    baseline: str = "mean"
    steps: int = 0
    seed: int = 0
    version: str = ""


def explain(model: nn.Module, x: Tensor, target: Tensor, how: str, settings: Settings | None = None) -> Explanation:
    """x: float32 (B, C, H, W) in [0, 1]; target: int64 (B,), a class or an attribute each; how: a key of EXPLAINERS.

    Raises WrongInput where the explainer is unknown, cannot read the network, or has no such layer or baseline.
    """
    chosen = settings or Settings()
    explainer = EXPLAINERS.get(how)
    if explainer is None:
        raise WrongInput(f"There is no explainer {how!r}; there are {', '.join(EXPLAINERS)}.")
    if reason := explainer.why_not(model):
        raise WrongInput(reason)
    if chosen.smooth and not explainer.smooth:
        raise WrongInput(f"{explainer.title} cannot be averaged over noisy copies.")
    adapted, pixels = captum_copy(model), x.detach().clone()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        warnings.simplefilter("ignore")  # Captum warns of each hook that it sets; they are the copy's
        torch.manual_seed(chosen.seed)
        if how == "rollout":
            return Explanation(rollout(adapted, pixels))
        if how == "integrated_gradients" and not chosen.smooth:
            return _integrated(adapted, pixels, target, chosen) if chosen.steps else _as_needed(adapted, pixels, target, chosen)
        if explainer.explain is not None:
            return Explanation(_of_extension(explainer, adapted, pixels, target, chosen))
        attribution = _attributed(how, adapted, pixels, target, chosen)
    if not explainer.complete or chosen.smooth:
        return Explanation(attribution)
    difference = _difference(adapted, pixels, empty(adapted, pixels, chosen.baseline), target)
    return Explanation(attribution, difference, (attribution.flatten(1).sum(1) - difference).abs())


def _of_extension(explainer: Explainer, model: nn.Module, x: Tensor, target: Tensor, chosen: Settings) -> Tensor:
    """The map of an extension's explainer; the mean of noisy copies' where they are asked for. Raises WrongInput for what it raises."""
    assert explainer.explain is not None  # of the house's own there is none
    copies = [x + NOISE * torch.randn_like(x) for _ in range(chosen.smooth)] or [x]
    found = list[Tensor]()
    for copy in copies:
        try:
            made = explainer.explain(model, copy.clone(), target.clone())
        except Exception as error:  # a user's own code may raise anything
            if isinstance(error, WrongInput) or out_of_memory(error):
                raise
            raise WrongInput(f"{explainer.title} cannot read this network: {type(error).__name__}: {error}"[:300]) from error
        wanted = [tuple(x.shape), (len(x), 1, *x.shape[2:])]
        if not isinstance(made, Tensor) or tuple(made.shape) not in wanted or not made.isfinite().all():
            shape = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise WrongInput(f"{explainer.title} gave {shape} where a finite map of shape {wanted[0]} or {wanted[1]} is wanted.")
        found.append(made.detach().float().cpu())
    return torch.stack(found).mean(0)


def _attributed(how: str, model: nn.Module, x: Tensor, target: Tensor, chosen: Settings) -> Tensor:
    """Raises WrongInput for what the explainer raises on a network from outside."""
    try:
        return _ATTRIBUTIONS[how](model, x, target, chosen)
    except (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, WrongInput) or outside(model) is None or out_of_memory(error):
            raise
        raise WrongInput(f"{EXPLAINERS[how].title} cannot read this network: {type(error).__name__}: {error}"[:300]) from error


def passes(how: str, settings: Settings, shape: tuple[int, ...]) -> int:
    """How many forward passes of one image a map costs, about; a backward pass counts for two. shape: (..., H, W)."""
    if how == "occlusion":
        window, stride = _window(shape)
        return max(1, settings.smooth) * ceil((shape[-1] - window) / stride + 1) * ceil((shape[-2] - window) / stride + 1)
    if (known := EXPLAINERS.get(how)) and known.explain:
        return max(1, settings.smooth) * known.passes
    steps = settings.steps or (SMOOTHED if settings.smooth else COARSE)
    once = {"integrated_gradients": 3 * steps, "deep_lift": 6, "rollout": 1}.get(how, 3)
    return max(1, settings.smooth) * once


def finer(model: nn.Module, x: Tensor, target: Tensor, settings: Settings) -> Iterator[Explanation]:
    """Integrated Gradients of one image (1, C, H, W), each time with more steps; see `integrated_gradients`. Raises WrongInput."""
    return improving(captum_copy(model), x.detach().clone(), target, empty(model, x, settings.baseline))


def empty(model: nn.Module, x: Tensor, baseline: str) -> Tensor:
    """The baseline image, (1, C, H, W). Raises WrongInput."""
    if baseline not in BASELINES:
        raise WrongInput(f"There is no baseline {baseline!r}; there are {', '.join(BASELINES)}.")
    first = next((module for module in model.modules() if isinstance(module, Normalise)), None) or outside(model)
    if baseline == "black" or first is None:
        return torch.zeros(1, *x.shape[1:], device=x.device)
    return first.mean.expand(1, *x.shape[1:]).clone()


def _integrated(model: nn.Module, x: Tensor, target: Tensor, chosen: Settings) -> Explanation:
    start = empty(model, x, chosen.baseline)
    difference = _difference(model, x, start, target)
    attribution = captum.IntegratedGradients(model).attribute(
        x, start, target, n_steps=chosen.steps, internal_batch_size=max(len(x), chunk(x))
    ).float()  # fmt: skip
    return Explanation(attribution.detach(), difference, (attribution.flatten(1).sum(1) - difference).abs(), chosen.steps)


def _as_needed(model: nn.Module, x: Tensor, target: Tensor, chosen: Settings) -> Explanation:
    """Image by image, since each needs its steps elsewhere; `steps` are the most that one took."""
    start, explanations = empty(model, x, chosen.baseline), []
    for one, aim in zip(torch.split(x, 1), torch.split(target, 1), strict=True):
        explanations.append(next(e for e in improving(model, one, aim, start) if e.fine or e.steps + MORE > most_of(x, MOST_STEPS)))
    maps, differences, errors, off = zip(*((e.map, e.difference, e.error, e.off) for e in explanations), strict=True)
    forecast = None if None in off else torch.cat(off)
    return Explanation(torch.cat(maps), torch.cat(differences), torch.cat(errors), max(e.steps for e in explanations), forecast)


def _difference(model: nn.Module, x: Tensor, start: Tensor, target: Tensor) -> Tensor:
    with torch.no_grad():
        rise: Tensor = model(x).gather(1, target[:, None])[:, 0] - model(start)[0][target]
    return rise


def _attribution(method: Any, x: Tensor, target: Tensor, chosen: Settings, **more: Any) -> Tensor:
    """Captum's attribution, averaged over noisy copies where `smooth` says so."""
    if not chosen.smooth:
        attribution: Tensor = method.attribute(x, target=target, **more)
        return attribution.detach()
    tunnel = captum.NoiseTunnel(method)
    attribution = tunnel.attribute(
        x, nt_type="smoothgrad", nt_samples=chosen.smooth, nt_samples_batch_size=_copies(x, chosen.smooth), stdevs=NOISE,
        target=target, **more,
    )  # fmt: skip
    return attribution.detach()


def _copies(x: Tensor, wanted: int) -> int:
    return min(wanted, max(1, chunk(x) // len(x)))


def _grad_cam(model: nn.Module, x: Tensor, target: Tensor, chosen: Settings) -> Tensor:
    sizes = grids(model, (x.shape[1], x.shape[2], x.shape[3]))
    layer = chosen.layer or preset(sizes)
    if layer not in sizes:
        raise WrongInput(f"This network has no layer {layer!r} for Grad-CAM; it has {', '.join(sizes)}.")
    coarse = _attribution(captum.LayerGradCam(model, model.get_submodule(layer)), x, target, chosen)
    fine: Tensor = captum.LayerAttribution.interpolate(coarse, tuple(x.shape[2:]), "bilinear")
    return fine


def _window(shape: tuple[int, ...]) -> tuple[int, int]:
    """Pixels across what Occlusion covers at once, about a fifth of the shorter side, and from one place to the next."""
    window = max(1, round(min(shape[-2:]) / 5))
    return window, max(1, window // 2)


def _occlusion(model: nn.Module, x: Tensor, target: Tensor, chosen: Settings) -> Tensor:
    window, stride = _window(x.shape)
    return _attribution(
        captum.Occlusion(model), x, target, chosen, sliding_window_shapes=(x.shape[1], window, window),
        strides=(x.shape[1], stride, stride), baselines=empty(model, x, chosen.baseline), perturbations_per_eval=_copies(x, WINDOWS),
    )  # fmt: skip


_ATTRIBUTIONS: dict[str, Callable[[nn.Module, Tensor, Tensor, Settings], Tensor]] = {
    "integrated_gradients": lambda m, x, t, s: _attribution(
        captum.IntegratedGradients(m), x, t, s, baselines=empty(m, x, s.baseline), n_steps=s.steps or SMOOTHED,
        internal_batch_size=max(len(x) * s.smooth, chunk(x)),
    ).float(),
    "grad_cam": _grad_cam,
    "saliency": lambda m, x, t, s: _attribution(captum.Saliency(m), x, t, s),
    "input_x_gradient": lambda m, x, t, s: _attribution(captum.InputXGradient(m), x, t, s),
    "guided_backprop": lambda m, x, t, s: _attribution(captum.GuidedBackprop(m), x, t, s),
    "deep_lift": lambda m, x, t, s: _attribution(captum.DeepLift(m), x, t, s, baselines=empty(m, x, s.baseline)),
    "occlusion": _occlusion,
}  # fmt: skip
