"""Images of the user's own become a dataset: read in this process, or by a job that a page asks for and follows."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
import shutil
import sqlite3
from typing import BinaryIO
from uuid import uuid4

from core.data.importing.decode import Say
from core.data.importing.importer import Added, ImportOptions, add
from core.data.importing.layouts.registry import AUTO
from core.data.paths import find_folder
from core.domain.errors import WrongInput
from core.domain.run import ACTIVE, digest
from core.jobs.background import cancel_job, start_job
from core.storage.access import actors
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home
from core.storage.permissions import opener
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import IMPORT
from core.storage.runs import ResultStore

CELEBA = "celeba"  # the one set that is downloaded where no folder has its name


def import_images(home: Home, path: str, asked: ImportOptions, say: Say) -> Added:
    """Add the images in a folder or a .zip of one; a relative path is also looked for in FORGETSCOPE_DATA. Raises WrongInput."""
    with told(home.datasets_folder):
        return add(_folder(path, asked.layout), asked, home.datasets_folder, say)


def start(home: Home, path: str, asked: ImportOptions) -> str:
    """The id of the job that adds them, the same while it waits or runs. Raises WrongInput where nothing has that path.

    Forbidden for all but admins where a login is on: whoever names a folder has its images read with the server's own rights.
    """
    actors.require_admin("add images from a folder of the server; members upload a .zip")
    asked.check()
    payload = {"path": str(_found(path, asked.layout) or path), "asked": asdict(asked)}
    job_id = digest(payload)
    start_job(home, job_id, IMPORT, payload)
    return job_id


def start_upload(home: Home, name: str, archive: BinaryIO, asked: ImportOptions) -> str:
    """`start`, for a zip that is uploaded: written into a folder of the home, which goes when its import has ended."""
    actors.require_member("add images")
    asked.check()
    job_id = uuid4().hex
    path = home.uploads_folder / job_id / f"{name}.zip"
    try:
        with told(home.uploads_folder):
            path.parent.mkdir(parents=True)
            with open(path, "wb", opener=opener) as file:
                shutil.copyfileobj(archive, file)
        start_job(home, job_id, IMPORT, {"path": str(path), "asked": asdict(asked)})
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        with suppress(WrongInput, sqlite3.Error, OSError):  # of the same full disk, say: the first reason is the one to show
            cancel_job(home, job_id)  # queued, perhaps, where nobody could be started to serve it
        raise
    return job_id


def cancel(home: Home, job_id: str) -> None:
    """End an import within a second; nothing is left of it."""
    cancel_job(home, job_id)
    with ResultStore(home.database) as store:
        if (job := job_queue.job(store.db, job_id)) and job.status not in ACTIVE:
            shutil.rmtree(home.uploads_folder / job_id, ignore_errors=True)


def active(home: Home) -> str:
    """The import that was asked for last and is not over, '' where there is none."""
    with ResultStore(home.database) as store:
        return next((job.id for job in job_queue.jobs(store.db, IMPORT) if job.active), "")


def _found(path: str, layout: str) -> Path | None:
    """None where it is to be downloaded. Raises WrongInput."""
    try:
        return find_folder(path)
    except WrongInput:
        if path != CELEBA or layout not in (AUTO, CELEBA):
            raise
        return None


def _folder(path: str, layout: str) -> Path:
    """Downloaded where that is to be. Raises WrongInput."""
    if found := _found(path, layout):
        return found
    from core.data.datasets import celeba_download  # noqa: PLC0415  # torchvision, where something may have to be downloaded, alone

    return celeba_download.folder()
