"""The result of an explainer: a map for each image and, for complete explainers, the completeness error."""

from dataclasses import dataclass

from torch import Tensor

ENOUGH = 0.01  # error of a map that should add up, as a share of the difference, at which no more steps are taken
ROUNDING = 1e-6  # of logits, which an error need not go below where the difference is 0
SURE = 0.02  # expected distance of the map from the exact one, as a share of it, at which no more steps are taken


@dataclass(frozen=True)
class Explanation:
    """map: (B, C, H, W), or (B, 1, H, W) where the explainer knows no channels. Of explainers that are complete, without noise:

    difference: (B,) the target's logit minus the baseline image's; error: (B,) absolute difference of the map's sum from it. steps:
    gradients that Integrated Gradients took. off: (B,) its forecast of how far `flat` is from the exact one: the sum of absolute
    differences over all pixels, as a share of its own sum of absolute values.
    """

    map: Tensor
    difference: Tensor | None = None
    error: Tensor | None = None
    steps: int = 0
    off: Tensor | None = None

    @property
    def fine(self) -> bool:
        """Whether every map's completeness error is at most ENOUGH of its difference, and its forecast `off` at most SURE.

        True for explainers that are not complete. The error alone would not do: pixels' errors cancel in it, so that after many
        steps it is small by chance at some of them.
        """
        if self.error is None or self.difference is None:
            return True
        adds_up = bool((self.error <= ENOUGH * self.difference.abs() + ROUNDING).all())
        return adds_up and (self.off is None or bool((self.off <= SURE).all()))

    @property
    def flat(self) -> Tensor:
        """(B, H, W): summed over channels, signs kept."""
        return self.map.sum(1)
