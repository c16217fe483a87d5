"""What running out of memory looks like, whoever says it."""

import errno


def out_of_memory(error: BaseException) -> bool:
    """Also torch's own: `OutOfMemoryError` on a GPU, a RuntimeError with these words on a CPU."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    words = ("can't allocate memory", "not enough memory", "CUDA out of memory")
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))
