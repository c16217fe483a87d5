"""What looks at features share, none of which needs torch."""

from collections.abc import Callable

import numpy as np

Arrays = dict[str, np.ndarray]
Say = Callable[[float, str], None]  # share in [0, 1], what is being done
SETS = ("forget", "retain", "test_forget", "test_retain")  # as a look's `set` numbers them
UNSEEN = SETS.index("test_forget")  # from here on images are of the test set
