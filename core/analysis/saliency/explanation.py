"""What an explainer answers: a map for each image and, where it promises that its map adds up, how far it does not."""

from dataclasses import dataclass

from torch import Tensor

ENOUGH = 0.01  # error of a map that should add up, as a share of the difference, at which no more steps are taken
ROUNDING = 1e-6  # of logits, which an error need not go below where the difference is 0
SURE = 0.02  # and how far from the exact one the map may be expected to be then, as a share of it


@dataclass(frozen=True)
class Explanation:
    """map: (B, C, H, W), or (B, 1, H, W) where the explainer knows no channels. Of explainers that are complete, without noise:

    difference: (B,) the target's logit less the baseline image's; error: (B,) how far the map's sum misses it. steps: gradients that
    Integrated Gradients took. off: (B,) where it says so, how far from the exact one `flat` is expected to be: the sum of absolute
    differences over all pixels, as a share of its own sum of absolute values.
    """

    map: Tensor
    difference: Tensor | None = None
    error: Tensor | None = None
    steps: int = 0
    off: Tensor | None = None

    @property
    def fine(self) -> bool:
        """Whether no map's sum misses more than ENOUGH of its difference, nor is a map expected to be more than SURE off.

        Also where nothing was promised. A sum alone would not do: pixels' errors cancel in it, and looked at often enough it is
        small by chance.
        """
        if self.error is None or self.difference is None:
            return True
        adds_up = bool((self.error <= ENOUGH * self.difference.abs() + ROUNDING).all())
        return adds_up and (self.off is None or bool((self.off <= SURE).all()))

    @property
    def flat(self) -> Tensor:
        """(B, H, W): summed over channels, signs kept."""
        return self.map.sum(1)
