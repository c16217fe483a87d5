"""Mathematics that several methods share: losses, gradients, curvature, attacks; each written once and tested once."""
