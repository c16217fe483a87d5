"""The leaderboard of the studies of a home: which runs are theirs, and what their methods are called."""

from collections.abc import Collection, Mapping

from core.jobs.studies.progress import plans, runs_of
from core.reports.compare.comparison import about, comparison
from core.reports.compare.leaderboard import MEASURES, Leaderboard, leaderboard
from core.storage import studies
from core.storage.runs import ResultStore


def leaderboard_of(store: ResultStore, names: Mapping[str, str], measure: str = MEASURES[0]) -> Leaderboard:
    """names: of the runs that are ranked, as `names_of_runs` gives them."""
    newest_first = [run_id for run_id in about(store)["id"] if run_id in names]
    return leaderboard(comparison(store, newest_first), names, measure)


def names_of_runs(store: ResultStore, study_ids: Collection[str] = ()) -> dict[str, str]:
    """Run -> its variant as it was asked for (`ssd`, `ssd · alpha=2`), of these studies, or of all; of several, the shortest.

    So the preset of a method has one name on every task, whatever its values are there.
    """
    members = studies.members(store)
    found: dict[str, str] = {}
    for stored, plan in plans(store):
        if study_ids and stored.id not in study_ids:
            continue
        for run in runs_of(plan, members.get(stored.id, [])):
            name = plan.variants[run.variant].text
            found[run.run_id] = min(found.get(run.run_id, name), name, key=len)
    return found
