"""What an explainer answers: a map for each image and, where it promises that its map adds up, how far it does not."""

from dataclasses import dataclass

from torch import Tensor

ENOUGH = 0.01  # error of a map that should add up, as a share of the difference, at which no more steps are taken


@dataclass(frozen=True)
class Explanation:
    """map: (B, C, H, W), or (B, 1, H, W) where the explainer knows no channels. Of explainers that are complete, without noise:

    difference: (B,) the target's logit less the baseline image's; error: (B,) how far the map's sum misses it. steps: gradients that
    Integrated Gradients took.
    """

    map: Tensor
    difference: Tensor | None = None
    error: Tensor | None = None
    steps: int = 0

    @property
    def fine(self) -> bool:
        """Whether no map's sum misses more than ENOUGH of its difference; also where nothing was promised."""
        return self.error is None or self.difference is None or bool((self.error <= ENOUGH * self.difference.abs()).all())

    @property
    def flat(self) -> Tensor:
        """(B, H, W): summed over channels, signs kept."""
        return self.map.sum(1)
