"""What pages need of a network that they know nothing of, found by one forward pass with hooks, or named by its author.

The last layer is the linear one whose output is the logits. A network can be cut at a module's output where that output is all that the
logits depend on: every path of the graph from the logits back to the image leads through it, and put in place of another image's it gives
the first image's logits. Nothing is assumed of names or nesting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.models.forward_look import NotFound, Seen, evaluating, is_linear, look, near, pictures, until

MARK = "_forgetscope"  # the attribute of a network under which what is known of it lies
MOST_GROUPS = 16  # a probe of each is trained; a deeper network's are taken together by the modules that hold them
Builder = Callable[[DatasetInfo], nn.Module]


@dataclass(frozen=True)
class Parts:
    """Modules of a network, as `named_modules` has them, that its author names where that is better than what is found by looking.

    last_layer: what gives the logits; grid: whose output Grad-CAM reads; groups: at whose outputs, input to output, the network is cut.
    """

    last_layer: str = ""
    grid: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Layers one after the other. name: of what holds their weights; start, end: modules at whose outputs it begins and ends.

    '' as start is the image, as end the logits. rows: images that the layers below the start are run on, 0 for as many as come.
    """

    name: str
    start: str
    end: str
    rows: int = 0


@dataclass(frozen=True, eq=False)
class Outside:
    """What is known of a network from outside: what its author named, its data, how it is built; and what was found, once a process.

    lacking: why it can have no last layer, groups or grid, in one sentence; '' where they are looked for.
    """

    parts: Parts
    data: DatasetInfo
    build: Builder
    lacking: str = ""
    found: dict[str, object] = field(default_factory=dict)

    def __deepcopy__(self, memo: object) -> "Outside":
        """The same: copies of a network have its parts."""
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image, (C, H, W)."""
        return self.data.channels, self.data.height, self.data.width

    @property
    def mean(self) -> Tensor:
        """Of the training pixels in [0, 1], (C, 1, 1)."""
        return torch.tensor(self.data.mean).view(-1, 1, 1)


def marked(key: str, build: Builder, parts: Parts, lacking: str = "") -> Builder:
    """The same builder, of networks that can be looked into; lacking: see `Outside`. Raises WrongInput where it builds no network."""

    @cache
    def known(data: DatasetInfo) -> Outside:
        return Outside(parts, data, build, lacking)

    def built(data: DatasetInfo) -> nn.Module:
        model = build(data)
        if not isinstance(model, nn.Module):
            raise WrongInput(f"build() of the network {key} gave a {type(model).__name__} where a torch.nn.Module is wanted.")
        model.__dict__[MARK] = known(data)
        return model

    return built


def outside(model: nn.Module) -> Outside | None:
    """What is known of a network from outside; None of one of this house, which is a chain that ends in its last layer."""
    return cast(Outside | None, model.__dict__.get(MARK))


def _of(model: nn.Module) -> Outside:
    known = outside(model)
    if known is None:
        raise NotFound(f"Nothing is known of the images that a {type(model).__name__} takes, so it cannot be looked into.")
    return known


def last_layer(model: nn.Module) -> str:
    """Name of the linear layer, or convolution of single pixels, whose output is the logits (of a convolution, its mean over places).

    Raises NotFound.
    """
    known = _of(model)
    return cast(str, _once(known, "last", lambda: _last_layer(model, known)))


def _last_layer(model: nn.Module, known: Outside) -> str:
    if name := known.parts.last_layer:
        if not is_linear(_module(model, name, "last_layer")):
            raise NotFound(f"last_layer names {name!r}, which is neither a linear layer nor a convolution of single pixels.")
        return name
    seen = _seen(model)
    if not seen.ends:
        raise NotFound(
            "No linear layer of this network gives its logits as they are, so its last layer and the features before it are not known; "
            "its author can name one (last_layer in Parts)."
        )
    return next(reversed(seen.ends))


def head(model: nn.Module) -> nn.Linear:
    """The last layer as a linear one on `Body`'s features; it shares the network's weights. Raises NotFound."""
    layer = model.get_submodule(last_layer(model))
    if isinstance(layer, nn.Linear):
        return layer
    conv = cast(nn.Conv2d, layer)
    linear = nn.Linear(conv.in_channels, conv.out_channels, conv.bias is not None, device="meta")
    linear.weight, linear.bias = nn.Parameter(conv.weight.detach().flatten(1)), cast(nn.Parameter, conv.bias)
    return linear


class Body(nn.Module):
    """(B, C, H, W) -> (B, d): what a network's last layer reads; of a convolution the mean over places."""

    def __init__(self, network: nn.Module) -> None:
        """Raises NotFound where the last layer is not known."""
        super().__init__()
        self.network, self._name = network, last_layer(network)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W)."""
        caught = until(self.network, x, self._name, before=True)
        return caught.mean((2, 3)) if caught.ndim == 4 else caught.flatten(1)


def groups(model: nn.Module) -> list[Group]:
    """Input to output, two or more; their names differ. Raises NotFound where the network cannot be cut anywhere."""
    known = _of(model)
    return cast(list[Group], _once(known, "groups", lambda: _groups(model, known)))


def layers_in_order(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Names and modules by first call; those that are never called as modules follow what holds them. As defined, of this house's."""
    defined = list(model.named_modules())
    if outside(model) is None:
        return defined
    place = {name: index for index, name in enumerate(_seen(model).order)}

    def place_of(name: str) -> int:
        while name not in place:
            name = name.rpartition(".")[0]
        return place[name]

    return sorted(defined, key=lambda layer: place_of(layer[0]))


def grids(model: nn.Module) -> dict[str, tuple[int, int]]:
    """Module -> height and width of its output (B, C, h, w), input to output: 2 cells or more a side, computed by convolutions.

    The one that its author named, else those at which the network can be cut, and the last convolution. Empty where there are none,
    or where tokens are passed on behind the last. Raises NotFound for a name that is none.
    """
    known = _of(model)
    return cast(dict[str, tuple[int, int]], _once(known, "grids", lambda: _grids(model, known)))


def passes_tokens(model: nn.Module) -> bool:
    """Whether a layer with weights gives a row of tokens for each image, (B, T, D), as transformers' do."""
    seen = _seen(model)
    return any(len(seen.shapes.get(name, ())) == 3 for name in _weighted(model, seen))


def unhooked(model: nn.Module, kinds: dict[str, tuple[type[nn.Module], ...]]) -> bool:
    """Whether an operation of the graph, such as "Relu", is applied more often than modules of its kinds are called, or one twice."""
    seen = _seen(model)
    calls = {word: [seen.calls[n] for n, m in model.named_modules() if isinstance(m, kind)] for word, kind in kinds.items()}
    return any(max(made, default=0) > 1 or seen.operations[word] > sum(made) for word, made in calls.items())


class Segment(nn.Module):
    """What a network computes between two modules' outputs; all others run as they are, those below on an empty image."""

    def __init__(self, network: nn.Module, group: Group) -> None:
        super().__init__()
        self.network, self.group, self._shape = network, group, _of(network).shape

    def up_to(self, other: "Segment") -> "Segment":
        """This one and what follows to another one's end, in one pass."""
        return Segment(self.network, Group(self.group.name, self.group.start, other.group.end, self.group.rows))

    def forward(self, x: Tensor) -> Tensor:
        """x: images (B, C, H, W), or the output of `start`; the output of `end`."""
        if not self.group.start:
            return until(self.network, x, self.group.end)
        empty = torch.zeros(self.group.rows or len(x), *self._shape, device=x.device)
        put = self.network.get_submodule(self.group.start).register_forward_hook(lambda *_: x.clone())  # what follows may write to it
        try:
            return until(self.network, empty, self.group.end)
        finally:
            put.remove()


def _once(known: Outside, what: str, find: Callable[[], object]) -> object:
    """Found once for all networks of this builder and data; what was not found is said again."""
    if known.lacking and what in ("last", "groups", "grids"):
        raise NotFound(known.lacking)
    if what not in known.found:
        try:
            known.found[what] = find()
        except NotFound as lacking:
            known.found[what] = lacking
    found = known.found[what]
    if isinstance(found, NotFound):
        raise NotFound(str(found))
    return found


def _seen(model: nn.Module) -> Seen:
    known = _of(model)
    return cast(Seen, _once(known, "seen", lambda: look(_stirred(known), known.shape)))


def _stirred(known: Outside) -> nn.Module:
    """One of its builder's, no layer of which is all zeros or ones, as fresh networks' may be: behind zeros all images are alike."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"), torch.no_grad():
        torch.manual_seed(0)
        network = known.build(known.data)
        for theta in network.parameters():
            if theta.is_floating_point() and bool((theta == theta.flatten()[0]).all()):
                theta.add_(torch.randn_like(theta), alpha=0.1)
    network.__dict__[MARK] = known
    return network


def _module(model: nn.Module, name: str, word: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        raise NotFound(f"{word} names {name!r:.80}, and the network has no such module.") from None


def _weighted(model: nn.Module, seen: Seen) -> set[str]:
    """Modules with a matrix or kernel of their own that call no others."""
    holders = {name.rpartition(".")[0] for name in seen.calls if name}
    own = {name for name, module in model.named_modules() if any(p.ndim > 1 for p in module.parameters(recurse=False))}
    return {name for name in own - holders if seen.calls[name]}


def _groups(model: nn.Module, known: Outside) -> list[Group]:
    seen, weighted = _seen(model), _weighted(model, _seen(model))
    for name in known.parts.groups:
        _module(model, name, "groups")
    wanted = set(known.parts.groups) or seen.cuts
    parts, since, at = list[tuple[list[str], str]](), list[str](), ""
    for kind, name in seen.events:
        if kind == "in" and name in weighted:
            if since and at:
                parts.append((since, at))
                since = []
            since, at = [*since, name], ""
        elif kind == "out" and name in wanted and since:
            at = name
    parts = _fewer([*parts, (since, "")]) if not known.parts.groups else [*parts, (since, "")]
    checked = _cut(_stirred(known), known, parts)
    if len(checked) < 2:
        raise NotFound(f"No layer of a {type(model).__name__} gives all that what follows reads, so it cannot be cut into groups.")
    return checked


def _cut(model: nn.Module, known: Outside, parts: list[tuple[list[str], str]]) -> list[Group]:
    """Groups that end where the network is seen to be cut: another image's output there gives that image's logits."""
    x, other = pictures(model, known.shape, 1), pictures(model, known.shape, 2)
    found, since, start, rows = list[Group](), list[str](), "", 0
    with evaluating(model), torch.no_grad():
        logits = torch.as_tensor(model(x.clone()))
        for names, end in parts:
            since = since + names
            fits = None if not end else _rows(model, end, (x, other, logits))
            if end and fits is None:
                if end in known.parts.groups:
                    raise NotFound(f"groups names {end!r}, whose output is not all that what follows reads.")
                continue
            name = end if end in known.parts.groups else _name(since, {g.name for g in found})
            found.append(Group(name, start, end, rows))
            since, start, rows = [], end, fits or 0
    return found


def _rows(model: nn.Module, end: str, images: tuple[Tensor, Tensor, Tensor]) -> int | None:
    """How many images of the layers below do, 0 for as many as come; None where the network cannot be cut there."""
    x, _, logits = images
    inside = until(model, x, end)
    for rows in (1, 0):
        try:
            made = Segment(model, Group("", end, "", rows))(inside)
        except Exception:  # a foreign network may raise anything where the counts of images differ
            continue
        if near(made, logits):
            return rows
    return None


def _fewer(parts: list[tuple[list[str], str]]) -> list[tuple[list[str], str]]:
    """At most MOST_GROUPS: neighbours in one module taken together, the innermost that are few enough; the last stays alone."""
    depth = max(name.count(".") for names, _ in parts for name in names)
    while len(parts) > MOST_GROUPS and depth:
        merged: list[tuple[str, list[str], str]] = []
        for names, end in parts[:-1]:
            holder = ".".join(names[0].split(".")[:depth])
            if merged and merged[-1][0] == holder:
                merged[-1] = holder, merged[-1][1] + names, end
            else:
                merged.append((holder, names, end))
        fewer = [(names, end) for _, names, end in merged] + parts[-1:]
        if len(fewer) <= MOST_GROUPS or depth == 1:
            parts = fewer
        depth -= 1
    return parts


def _name(names: list[str], taken: set[str]) -> str:
    """What holds all of these modules, else the first of them; none that is taken."""
    split = [name.split(".") for name in dict.fromkeys(names)]
    shared = next((i for i, words in enumerate(zip(*split, strict=False)) if len(set(words)) > 1), min(map(len, split)))
    holder = ".".join(split[0][:shared]) or names[0]
    return holder if holder not in taken else next(n for n in (*names, f"{holder} again") if n not in taken)


def _grids(model: nn.Module, known: Outside) -> dict[str, tuple[int, int]]:
    seen = _seen(model)
    if name := known.parts.grid:
        _module(model, name, "grid")
        shape = seen.shapes.get(name, ())
        if len(shape) != 4 or seen.calls[name] != 1:
            raise NotFound(f"grid names {name!r}, whose output is not one grid of channels.")
        return {name: (shape[2], shape[3])}
    modules, channels, found, last, side = dict(model.named_modules()), 0, dict[str, tuple[int, int]](), "", 0
    for kind, name in seen.events:
        shape, module = seen.shapes.get(name, ()), modules[name]
        if kind == "in" or seen.calls[name] != 1:
            continue
        if isinstance(module, nn.Conv2d) and len(shape) == 4:
            channels, side = module.out_channels, min(shape[2:])
            last = name if side > 1 else last
        elif len(shape) == 3 and any(p.ndim > 1 for p in module.parameters(recurse=False)):
            found, last = {}, ""  # tokens: what came before is a grid of patches' raw projections
        if len(shape) == 4 and shape[1] == channels and min(shape[2:]) <= side:  # not what was only made larger
            side = min(shape[2:])
            if side > 1 and name in seen.cuts:
                found[name], last = (shape[2], shape[3]), ""
    return found | ({last: (seen.shapes[last][2], seen.shapes[last][3])} if last else {})
