"""As `core.data.write_image_arrays`, for a dataset that an extension brought: python -m core.extensions.write_images FOLDER KEY."""

from pathlib import Path
import sys

from core.data.write_image_arrays import SENTENCE, write
from core.domain.errors import WrongInput
from core.extensions.load import load_extensions

if __name__ == "__main__":
    try:
        load_extensions()
        write(Path(sys.argv[1]), sys.argv[2])
    except WrongInput as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(SENTENCE)
    except Exception as error:  # a user's own code may raise anything: one sentence of it is shown
        print(f"The extension could not load {sys.argv[2]}: {type(error).__name__}: {error}"[:500], file=sys.stderr)
        sys.exit(SENTENCE)
