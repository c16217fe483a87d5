"""Components of the Saliency page."""
