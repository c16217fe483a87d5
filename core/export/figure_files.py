"""Every figure of a report as a file of its own: SVG where a browser is on the machine, else an HTML page that offers it as SVG and PNG."""

from collections.abc import Iterator, Sequence
from contextvars import copy_context
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
from tempfile import TemporaryDirectory

from core.export.page import page
from core.export.report.html_report import file_name
from core.export.report.html_study import study_contents, study_name, study_sections
from core.export.report.run_contents import contents
from core.export.report.run_sections import run_sections
from core.figures.palette import DARK
from core.figures.sections import FigureBlock, Section
from core.jobs.catalogue import Catalogue
from core.storage.home import Home
from core.storage.runs import ResultStore

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 120  # seconds for all figures of a report


def figure_files(home: Home, any_id: str, shelves: Catalogue, of_study: bool) -> list[tuple[str, str]]:
    """(file's name, its text) of every figure of a run's or a study's report. Raises WrongInput."""
    return copy_context().run(_files, home, any_id, shelves, of_study)


def _files(home: Home, any_id: str, shelves: Catalogue, of_study: bool) -> list[tuple[str, str]]:
    DARK.set(False)
    if of_study:
        study = study_contents(home, any_id, shelves)
        name, sections = study_name(study), study_sections(study)
    else:
        with ResultStore(home.database) as store:
            run = contents(home, store, any_id, shelves)
        name, sections = file_name(run), run_sections(run)
    figures = [figure for section in sections for figure in section.figures]
    private = [str(home.root)]
    drawn = _drawn(page("base.html", title=name, kind="", about="", written="", file_name=name, private=private,
                        sections=[Section("figures", "Figures", (), figures)]))  # fmt: skip
    if set(drawn) == {figure.name for figure in figures}:
        return [(f"{name}-{figure.name}.svg", drawn[figure.name]) for figure in figures]
    return list(_pages(name, figures, private))


def _pages(name: str, figures: Sequence[FigureBlock], private: Sequence[str]) -> Iterator[tuple[str, str]]:
    for figure in figures:
        section = Section("figure", figure.title, (), [figure])
        yield f"{name}-{figure.name}.html", page("base.html", title=figure.title, kind="Figure", about=name, written="", file_name=name,
                                                 private=private, sections=[section])  # fmt: skip


def _drawn(text: str) -> dict[str, str]:
    """Figure's name -> its SVG, of a report that a browser without a screen draws; nothing where there is no browser, or it fails."""
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        return {}
    with TemporaryDirectory(prefix="forgetscope-") as folder:
        file = Path(folder) / "figures.html"
        file.write_text(text)
        flags = ["--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}/profile", "--window-size=1000,900",
                 "--virtual-time-budget=60000", "--dump-dom"]  # fmt: skip
        flags += ["--no-sandbox"] * (os.geteuid() == 0)  # Chromium has no sandbox for root
        try:
            told = subprocess.run([browser, *flags, f"{file.as_uri()}#svg"], capture_output=True, timeout=PATIENCE, check=False).stdout
        except (OSError, subprocess.TimeoutExpired):
            return {}
    found = re.search(r'<script type="application/json" id="drawn">(.*?)</script>', told.decode(errors="replace"), re.DOTALL)
    drawn: dict[str, str] = json.loads(found[1]) if found else {}
    return drawn
