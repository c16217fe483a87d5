"""Parts of the weight perturbation: what a step is held to, and how far it has come."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.data.examples import Examples
from core.data.labels import is_multi, two_answers
from core.data.labels import loss as label_loss
from core.maths.losses import jensen_shannon, rank_auc
from core.training import predict


def distance(moving: Sequence[Tensor], start: Sequence[Tensor]) -> float:
    """Length of the change over the length of the start, both taken over all weights."""
    change = torch.cat([(p.detach() - s).flatten() for p, s in zip(moving, start, strict=True)]).norm()
    return float(change / torch.cat([s.flatten() for s in start]).norm())


@torch.no_grad()
def project(moving: Sequence[Tensor], start: Sequence[Tensor], radius: float) -> None:
    """Pull the weights back to within `radius` times the start's length of the start."""
    far = distance(moving, start)
    if far > radius:
        for p, s in zip(moving, start, strict=True):
            p.copy_(s + (p - s) * (radius / far))


def look(
    model: nn.Module, target: Tensor, sets: tuple[Examples, Examples], far: float, device: str
) -> list[float]:
    """[mean JS to the target on the forget set, `far`, loss AUC of forget against retain, mean loss of each].

    sets: (forget, retain); target: (k, C) logits, of the forget set.
    """
    logits = [predict(model, examples, device) for examples in sets]
    losses = [label_loss(z, e.labels.cpu(), "none") for z, e in zip(logits, sets, strict=True)]
    js = float(jensen_shannon(target.cpu(), logits[0], multi=is_multi(sets[0].labels)).mean())
    return [js, far, rank_auc(*losses), *(float(loss.mean()) for loss in losses)]


def third_party(own: Tensor, others: Tensor, generator: torch.Generator, multi: bool = False) -> Tensor:
    """Logits (k, C): for each row of `own` (k, C) a row of `others` (m, C) with the same answer, drawn at random.

    Where no other has that answer, a row drawn from all, its values put in the order of the own row's. multi: the same of
    each attribute by itself, whose answers are yes and no.
    """
    if multi:
        each = (third_party(two_answers(own[:, [a]]), two_answers(others[:, [a]]), generator) for a in range(own.shape[1]))
        return torch.stack([borrowed[:, 1] - borrowed[:, 0] for borrowed in each], 1)
    answers, rows = others.argmax(1), []
    for mine in own:
        same = (answers == mine.argmax()).nonzero()[:, 0]
        pool = same if len(same) else torch.arange(len(others))
        theirs = others[pool[int(torch.randint(len(pool), (1,), generator=generator))]]
        rows.append(theirs if len(same) else theirs.sort()[0][mine.argsort().argsort()])
    return torch.stack(rows)
