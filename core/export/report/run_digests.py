"""What a run is known by to whoever checks it: digests of what was asked, and of its networks."""

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path

from core.domain.run import MODELS, RunSpec, digest
from core.figures.palette import MODEL_TITLE


def run_digests(spec: RunSpec, networks: Mapping[str, str]) -> dict[str, str]:
    """What -> its SHA-256; of the code, its version. networks: model -> the digest of its weights."""
    found = {"data request": digest([spec.dataset, asdict(spec.request)]), "specification": digest(asdict(spec)), "code": spec.engine}
    return found | {f"weights, {MODEL_TITLE[model].lower()}": networks[model] for model in MODELS if model in networks}


def digest_now(file: Path) -> str:
    """Of a stored file's content as it is now; with a word where it is gone, or is not what was written, by which it is named."""
    try:
        with open(file, "rb") as stream:
            now = file_digest(stream, "sha256").hexdigest()
    except OSError:
        return f"missing (was {file.stem})"
    return now if now == file.stem else f"{now}, damaged (was {file.stem})"
