"""How many threads a run computes with on a CPU. Sums depend on it in their last digits, so it is decided by the network alone.

Measured on two cores (`make bench ARGS=slots` prints it anew): a second thread makes training steps of the small CNN on 8-pixel digits
three to four times as costly, on 28-pixel images a third; two such runs side by side, of a thread each, get twice as far. Larger
networks take as many seconds of all cores together with two threads as with one: a run of theirs has all cores.
"""

SINGLE_THREADED = ("small_cnn",)


def threads_of(model: str, cores: int, asked: int | None = None, ranks: int = 1) -> int:
    """Threads of a run of this network, whatever else runs; of each of several ranks no more than its share of the cores.

    asked: what the user wants of all runs, None for nothing.
    """
    one = asked or (1 if model in SINGLE_THREADED else cores)
    return one if ranks == 1 else max(1, min(one, cores // ranks))
