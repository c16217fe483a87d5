"""What several methods and metrics share: training loop, losses, gradients, Fisher information, curvature, and a cache."""
