"""As `core.training.uploaded_weights.process`, where the network may be an extension's: python -m core.jobs.read_weights ROOT."""

from pathlib import Path
import sys

from core.extensions.load import load_extensions
from core.jobs.catalogue import usable_extensions
from core.training.uploaded_weights.process import main

if __name__ == "__main__":
    load_extensions(usable_extensions(Path(sys.argv[1])))
    main(sys.argv[1])
