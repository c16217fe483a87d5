"""As `core.training.ranks.member`, where the network may be an extension's: python -m core.extensions.rank_process."""

from collections.abc import Mapping

from core.domain.errors import WrongInput
from core.domain.extension_files import extension_files
from core.extensions.load import load_extensions
from core.training.ranks.member import serve


def prepare(extensions: Mapping[str, str]) -> None:
    """extensions: name -> digest of those that are wanted. Raises WrongInput where one is another by now, or cannot be imported."""
    now = {one.name: one.digest() for one in extension_files() if one.name in extensions}
    if other := next((name for name, digest in extensions.items() if now.get(name) != digest), ""):
        raise WrongInput(f"The extension {other} was changed while this run was under way; Retry asks anew.")
    if broken := next((one for one in load_extensions(list(extensions)) if one.error), None):
        raise WrongInput(f"The extension {broken.name} cannot be used in another process: {broken.error}")


if __name__ == "__main__":
    serve(prepare)
