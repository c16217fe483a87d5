"""Imported first by the fork server: it computes with one thread, so that it owns no threads when it forks.

A forked process that inherits OpenMP's pool without its threads waits for them for ever; it makes a pool of its own instead.
"""

import torch

torch.set_num_threads(1)
