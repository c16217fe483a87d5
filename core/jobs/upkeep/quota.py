"""Refuses a run that would outgrow the home's quota, before it begins."""

from core.domain.errors import WrongInput
from core.domain.run import RunSpec
from core.jobs.forecast import size
from core.storage.home import Home
from core.storage.rows import of_spec
from core.storage.runs import ResultStore
from core.storage.upkeep.disk_use import QUOTA, bytes_of, quota

_LIKE = f"""
    select file from artifacts where run_id = (
        select id from runs where status = 'done' and imported = '' and {of_spec("dataset")} = ? and {of_spec("model")} = ?
        order by turn desc limit 1)
"""


def check_quota(home: Home, store: ResultStore, spec: RunSpec, more: float = 0.0) -> None:
    """Raises WrongInput where the home has its quota with this run: with as much as the last run of its dataset and model has.

    more: bytes of networks that its training keeps besides.
    """
    most = quota()
    if most is None:
        return
    files = {row["file"] for row in store.db.read(_LIKE, (spec.dataset, spec.model)) if type(row["file"]) is str}
    likely = sum(bytes_of(home.artifacts_folder / file) for file in files) + more
    if (used := bytes_of(home.root)) + likely > most:
        adds = f", and this run would add about {size(likely)}" if likely else ""
        has = f"This home has {size(used)} of the {size(most)} that {QUOTA} allows"
        raise WrongInput(f"{has}{adds}; `python -m core gc` says what can go, or delete runs.")
