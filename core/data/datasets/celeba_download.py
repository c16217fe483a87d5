"""CelebA's files by way of torchvision, for the layout of that name to read."""

from pathlib import Path

from torchvision import datasets

from core.data.downloads import download
from core.data.importing.layouts import celeba
from core.data.paths import data_folder

NAME = "celeba"  # as torchvision calls the folder
FILES = (
    f"the folder {NAME} with img_align_celeba (202,599 JPEG files), list_attr_celeba.txt, identity_CelebA.txt and "
    "list_eval_partition.txt"
)


def folder() -> Path:
    """Where CelebA lies, downloaded first where it does not and that is allowed. Raises WrongInput with what to put where."""
    root = data_folder()
    if not celeba.fits(root):
        download(root, _fetch, "CelebA", FILES, FileNotFoundError(f"no {NAME}/{celeba.PARTITION}"))
    return root.resolve() / NAME if (root / NAME).is_dir() else root.resolve()


def _fetch(root: Path) -> None:
    """A gigabyte and a half from Google Drive, for which torchvision wants the package gdown; every checksum is looked at."""
    datasets.CelebA(str(root), split="train", download=True)
    for archive in (root / NAME).glob("*.zip"):
        archive.unlink()
