"""Long tests of what goes wrong: only `make faults` runs them."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Left out of every collection that does not name this folder."""
    named = any("faults" in str(word) for word in config.invocation_params.args)
    return None if named else True
