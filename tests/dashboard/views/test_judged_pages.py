"""Every page of a run opens on one whose unlearned network was brought from elsewhere."""

import json

import pytest

from core.domain.methods.judged import METHOD
from core.storage.home import Home
from core.storage.runs import ResultStore

PAGES = ("result", "inside", "parameters", "saliency", "map", "privacy", "compare", "runs")


@pytest.fixture
def judged(home_of, done) -> Home:
    """The finished run as it would be, were its networks brought: the same files, without what the method recorded."""
    home = home_of()
    params = json.dumps({"unlearned": "ab" * 32, "unlearned_as": "file"})
    with ResultStore(home.database) as store, store.db.transaction() as write:
        write.execute(
            "update runs set spec = json_set(spec, '$.method', ?, '$.params', json(?), '$.weights', ?, '$.weights_as', 'file')",
            (METHOD, params, "cd" * 32),
        )
        write.execute("delete from artifacts where run_id = ? and (name = 'recorded' or name like 'statistic/%')", (done,))
    return home


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_on_a_network_that_was_unlearned_elsewhere(open_app, judged, done, page):
    at = open_app(judged.root, f"views/{page}.py", run=done)  # raises where an exception came up
    assert not at.error
    if page == "result":
        assert [m.value for m in at.markdown if "The original and the unlearned network were made elsewhere" in m.value]
        assert "elsewhere" in {metric.value for metric in at.metric if metric.label == "Unlearn"}
        assert [c.value for c in at.caption if "unlearned=ababab · unlearned_as=file" in c.value.replace("\\", "")]
