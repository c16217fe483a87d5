"""The way that weights take while a method moves them, small enough to keep: lengths exactly, directions in a sketch."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.maths.perturbing import distance

BUCKETS, MOMENTS = 8192, 24  # numbers in a sketch; moments that are kept, at most, besides the last
SIGNS = 0  # seeds the sketch: the same for every run, and no draw of the run's own


def sketch(change: Sequence[Tensor]) -> Tensor:
    """float32 (BUCKETS,): every number of the change, taken in order, added under a random sign to one bucket after the other.

    Inner products survive: <sketch(a), sketch(b)> is <a, b> on average, with a spread of about |a| |b| / sqrt(BUCKETS), 1 %
    (Charikar, Chen & Farach-Colton, ICALP 2002).
    """
    flat = torch.cat([part.detach().flatten() for part in change]).float()
    signs = torch.randint(0, 2, (len(flat),), dtype=torch.int8, generator=torch.Generator().manual_seed(SIGNS))
    signed = flat * (2 * signs - 1).to(flat.device)
    return torch.nn.functional.pad(signed, (0, -len(flat) % BUCKETS)).view(-1, BUCKETS).sum(0).cpu()


@dataclass
class Trail:
    """moving: the weights that a method moves, as they are when the trail begins."""

    moving: Sequence[Tensor]
    start: list[Tensor] = field(init=False)
    _looks: int = field(init=False, default=0)
    _every: int = field(init=False, default=1)
    _kept: dict[int, Tensor] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.start = [p.detach().clone() for p in self.moving]

    def look(self) -> float:
        """Keep where the weights are now; the length of their change over the length of the start."""
        now, self._looks = self._looks, self._looks + 1
        self._kept = {look: kept for look, kept in self._kept.items() if look % self._every == 0}  # the last one was kept for now
        if len(self._kept) > MOMENTS:
            self._every *= 2
        self._kept[now] = sketch([p.detach() - s for p, s in zip(self.moving, self.start, strict=True)])
        return distance(self.moving, self.start)

    def recorded(self) -> dict[str, Tensor]:
        """`moments` (M,): the looks, counted from 0, that are kept, the last among them; `sketch` (M, BUCKETS): their changes."""
        return {"moments": torch.tensor(list(self._kept), dtype=torch.float32), "sketch": torch.stack(list(self._kept.values()))}
