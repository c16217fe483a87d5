"""Weights under other names than ours: torchvision's and timm's are translated, any others are matched by order and shape."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
import re

import torch
from torch import Tensor

from core.data.registry import info_of
from core.domain.errors import WrongInput
from core.models.registry import MODELS
from core.training.uploaded_weights.match_architecture import COUNTER, not_learned, unprefixed
from core.training.uploaded_weights.read_file import WRAPPERS, LoadedWeights

WRAPPING = {*WRAPPERS, "_orig_mod", "backbone", "encoder"}  # dicts and attributes under which a network may lie
DEEPEST, MOST_PREFIXES = 4, 16  # of these names in a row; ways through them that are tried
Rules = tuple[tuple[str, str], ...]  # (pattern, replacement), each applied once to a name, in order


def _timm_mobilenet() -> Rules:
    """Blocks are numbered by stage there; their layers are named by what they do."""
    stages = (1, 2, 3, 4, 3, 3, 1)  # blocks of each
    first = (("conv_dw", "0.0"), ("bn1", "0.1"), ("conv_pw", "1"), ("bn2", "2"))
    others = (("conv_pw", "0.0"), ("bn1", "0.1"), ("conv_dw", "1.0"), ("bn2", "1.1"), ("conv_pwl", "2"), ("bn3", "3"))
    blocks = [(stage, block) for stage, count in enumerate(stages) for block in range(count)]
    return (
        *((rf"^blocks\.{stage}\.{block}\.{theirs}\.", f"block{index}.conv.{ours}.") for index, (stage, block) in enumerate(blocks, 1)
          for theirs, ours in (others if stage else first)),
        *((rf"^{theirs}\.", f"{ours}.") for theirs, ours in
          (("conv_stem", "stem.0"), ("bn1", "stem.1"), ("conv_head", "head.0"), ("bn2", "head.1"))),
    )  # fmt: skip


def _counted(pattern: str, replacement: str, last: int) -> Rules:
    """One rule for each block, which they number from 0 and we from 1."""
    return tuple((pattern.replace("#", str(index)), replacement.replace("#", str(index + 1))) for index in range(last + 1))


RESNET: Rules = (
    (r"^conv1\.", "stem."), (r"^bn1\.", "stem_norm."), (r"^layer([1-4])\.", r"stage\1."), (r"\.shortcut\.", ".downsample."),
    (r"^(fc|linear)\.", "classifier."),
)  # fmt: skip
SCHEMES: dict[str, dict[str, Rules]] = {  # model -> whose names -> rules; every name of theirs becomes ours
    "resnet18": {"torchvision and timm": RESNET},
    "mobilenet_v2": {
        "torchvision": ((r"^features\.0\.", "stem."), (r"^features\.18\.", "head."), (r"^features\.(\d+)\.", r"block\1."),
                        (r"^classifier\.1\.", "classifier.")),
        "timm": _timm_mobilenet(),
    },
    "vit_b_16": {
        "torchvision": (
            *((r"^conv_proj\.", "tokens.embed."), (r"^class_token$", "tokens.token"), (r"^encoder\.pos_embedding$", "tokens.place")),
            *_counted(r"^encoder\.layers\.encoder_layer_#\.", "block#.", 11),
            *((r"\.in_proj_(weight|bias)$", r".attend.\1"), (r"\.out_proj\.", ".merge.")),
            *((r"\.mlp\.linear_1\.", ".mlp.0."), (r"\.mlp\.linear_2\.", ".mlp.3.")),
            *((r"^encoder\.ln\.", "norm."), (r"^heads\.head\.", "classifier.")),
        ),
        "timm": (
            *((r"^patch_embed\.proj\.", "tokens.embed."), (r"^cls_token$", "tokens.token"), (r"^pos_embed$", "tokens.place")),
            *_counted(r"^blocks\.#\.", "block#.", 11),
            *((r"\.norm([12])\.", r".ln_\1."), (r"\.attn\.qkv\.", ".self_attention.attend.")),
            (r"\.attn\.proj\.", ".self_attention.merge."),
            *((r"\.mlp\.fc1\.", ".mlp.0."), (r"\.mlp\.fc2\.", ".mlp.3."), (r"^head\.", "classifier.")),
        ),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """Weights under our names. mapping: (their name, ours, shape) where these were only matched by order and shape: to be confirmed."""

    weights: LoadedWeights
    mapping: tuple[tuple[str, str, str], ...] = ()


def under_our_names(loaded: LoadedWeights, dataset: str, model: str, datasets: Path | None = None) -> Named:
    """The weights under the names of a registered architecture; as they are where they cannot be brought under them.

    What has our names stays as it is; then torchvision's and timm's are tried, then order and shape. datasets: those that the user
    added. Raises WrongInput where the file holds such a network twice.
    """
    with torch.device("meta"):  # its weights are not needed, only their names and shapes
        network = MODELS[model](info_of(dataset, datasets))
    wanted = {key: value for key, value in network.state_dict().items() if key not in not_learned(network)}
    if wanted.keys() <= unprefixed(loaded, network).tensors.keys():
        return Named(loaded)
    return _translated(loaded, wanted, SCHEMES.get(model, {})) or _by_order(loaded, wanted) or Named(loaded)


def _translated(loaded: LoadedWeights, wanted: dict[str, Tensor], schemes: dict[str, Rules]) -> Named | None:
    fitting = []
    for prefix in _prefixes(loaded.tensors):
        own = {key.removeprefix(prefix): value for key, value in loaded.tensors.items() if key.startswith(prefix)}
        for whose, rules in schemes.items():
            ours = {_renamed(key, rules): value for key, value in own.items()}
            if len(ours) == len(own) and wanted.keys() <= ours.keys():
                fitting.append((prefix, whose, ours))
    if not fitting:
        return None
    if len(fitting) > 1:
        where = ", ".join(repr(prefix) for prefix, _, _ in fitting)
        raise WrongInput(f"The file holds such a network more than once, under {where}; save one of them alone.")
    prefix, whose, ours = fitting[0]
    note = f"Its weights have the names of {whose}, which were translated into those used here."
    return Named(replace(loaded, tensors=ours, notes=(*loaded.notes, note, *_left(loaded, prefix, len(ours)))))


def _renamed(key: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key, count=1)
    return key


def _by_order(loaded: LoadedWeights, wanted: dict[str, Tensor]) -> Named | None:
    """The k-th tensor of a shape is taken for our k-th of that shape; of those that end alike (weight, bias), where that comes out even."""
    for prefix in _prefixes(loaded.tensors):
        own = {key: value for key, value in loaded.tensors.items() if key.startswith(prefix) and not key.endswith(COUNTER)}
        for by in (_end_and_shape, _shape):
            if own and Counter(by(*item) for item in own.items()) == Counter(by(*item) for item in wanted.items()):
                queues = defaultdict[object, list[str]](list)
                for item in reversed(own.items()):
                    queues[by(*item)].append(item[0])
                pairs = [(queues[by(*item)].pop(), item[0]) for item in wanted.items()]
                mapping = tuple((theirs, ours, "x".join(map(str, wanted[ours].shape)) or "one number") for theirs, ours in pairs)
                notes = (*loaded.notes, *_left(loaded, prefix, len(own)))
                return Named(replace(loaded, tensors={ours: own[theirs] for theirs, ours in pairs}, notes=notes), mapping)
    return None


def _end_and_shape(key: str, value: Tensor) -> object:
    return key.rpartition(".")[2], value.shape


def _shape(_: str, value: Tensor) -> object:
    return value.shape


def _prefixes(keys: Iterable[str]) -> list[str]:
    """'', and every way through WRAPPING by which a name begins, the shortest first."""
    found = {""}
    for key in keys:
        prefix = ""
        for word in key.split(".", DEEPEST)[:-1]:
            if word not in WRAPPING:
                break
            prefix += f"{word}."
            found.add(prefix)
    return sorted(found, key=lambda prefix: (len(prefix), prefix))[:MOST_PREFIXES]


def _left(loaded: LoadedWeights, prefix: str, taken: int) -> tuple[str, ...]:
    """A note on what lies beside the prefix, counters aside."""
    beside = sum(not key.startswith(prefix) for key in loaded.tensors)
    return (f"The network's weights lie under {prefix!r:.60}; {beside} beside them were left out.",) if beside and taken else ()
