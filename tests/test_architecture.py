"""The house has floors, and stairs only downwards; torch stays out of the dashboard, and pickle out of the house.

Reads the syntax trees, so that a room is judged whether or not anybody enters it.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
import os
from pathlib import Path
import re
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = (  # low to high. A module imports from lower floors and from its own room.
    {"core.domain"},
    {"core.storage", "core.models"},
    {"core.data"},
    {"core.training"},
    {"core.methods", "core.metrics"},
    {"core.pipeline", "core.analysis", "core.reports"},
    {"core.figures", "core.extensions", "core.tuning", "core.sequences"},
    {"core.jobs"},
    {"core.export", "dashboard.login"},
    {
        "core.cli", "dashboard.preload", "dashboard.http_gate", "dashboard.plotly_file", "dashboard.session", "dashboard.stage",
        "dashboard.startup",
    },
    {"core.__main__", "core.api", "dashboard.queries"},
    {"dashboard.components"},
    {"dashboard.views"},
    {"dashboard.app", "dashboard.navigation"},
)
HEAVY = {"torch", "torchvision", "captum", "optuna"}
SCREEN = {"streamlit", "dashboard", "plotly", "altair"}
PICKLES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
# Reads users' .pth files, so it alone may call torch.load, and that in one way only.
OWN_WEIGHTS = ROOT / "core" / "training" / "uploaded_weights" / "read_file.py"
LOADERS = {  # calls that pickle, or may
    *("torch.load", "torch.save", "torch.jit.load", "pd.read_pickle", "pandas.read_pickle"),
}
TORCH_FREE = (  # besides the whole dashboard
    "core.domain", "core.storage", "core.reports", "core.figures", "core.jobs", "core.export", "core.cli", "core.api",
    "core.metrics.privacy",
)  # fmt: skip
WITH_TORCH = {  # of these rooms: what a process of its own computes with
    *("core.jobs.planned_work", "core.jobs.judged_run"),
    "core.jobs.read_weights",
    *("core.jobs.engine_server", "core.jobs.forking.single_thread", "core.jobs.write_catalogue", "core.jobs.write_code_versions"),
}
ALSO_FREE = (  # single modules of other rooms that start often, or watch
    *("core.__main__", "core.analysis.stored_results", "core.analysis.registry", "core.analysis.saliency.map_similarity"),
    "core.analysis.weights.importance_statistics",
    *("core.training.uploaded_weights.client", "core.training.uploaded_weights.scan_file"),
    *("core.data.write_image_arrays", "core.data.paths", "core.data.name_order"),
    *("core.data.importing.importer", "core.data.importing.store"),
    *("core.tuning.ranges", "core.tuning.objectives", "core.tuning.plan", "core.tuning.journal", "core.tuning.home_presets"),
    *("core.sequences.plan", "core.sequences.journal", "core.sequences.summary"),
)
DRAWN_IN_PLACE = (  # besides core.figures: only draw what they are given
    "dashboard.components.feature_map.selection_rules", "dashboard.components.feature_map.hover.payload",
)  # fmt: skip

TABLES = ROOT / "dashboard" / "components" / "common" / "tables.py"  # alone hands Streamlit a table, for there no cell says `None`

FILES = sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")])


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}
WITHOUT_TORCH = [*ALSO_FREE, *(name for name in MODULES if name.startswith(TORCH_FREE) and name not in WITH_TORCH)]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def nodes(path: Path, *, at_import: bool) -> Iterator[ast.AST]:
    """All nodes of a file; or those alone that run when it is imported: no function's body, no `if TYPE_CHECKING`."""
    ahead: list[ast.AST] = [tree(path)]
    while ahead:
        node = ahead.pop()
        yield node
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if at_import and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            ahead += node.orelse
            continue
        ahead += ast.iter_child_nodes(node)


@cache
def imports(path: Path, *, at_import: bool) -> frozenset[str]:
    """Names of the modules that a file imports; `from core import x` names core.x where that is a module of ours."""
    found = set()
    for node in nodes(path, at_import=at_import):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            ours = inner & MODULES.keys()
            found |= ours if ours == inner else ours | {node.module or ""}
    return frozenset(found)


def unit(module: str) -> str:
    return ".".join(module.split(".")[:2])


def floor(module: str) -> int:
    found = [index for index, rooms in enumerate(FLOORS) if unit(module) in rooms]
    assert found, f"{unit(module)} has no floor yet; give it one in {__file__}"
    return found[0]


def loaded_with(module: str) -> dict[str, str]:
    """Every module that importing `module` imports, ours and others', each with the one of ours that asked for it."""
    found, ahead = {module: ""}, [module]
    while ahead:
        asking = ahead.pop()
        parents = {asking.rpartition(".")[0]} - {""} if asking in MODULES else set()  # a package's __init__ comes first
        wanted = imports(MODULES[asking], at_import=True) if asking in MODULES else frozenset()
        for other in (wanted | parents) - found.keys():
            found[other] = asking
            ahead.append(other)
    return found


def upward(me: str, wanted: Iterable[str]) -> list[str]:
    """Those of `wanted` that a module of this name may not import."""
    if "." not in me:  # a package's own __init__: above nothing, below nobody
        return list(wanted)
    others = [other for other in wanted if other.startswith(("core.", "dashboard.")) and unit(other) != unit(me)]
    return [other for other in others if not floor(other) < floor(me)]


def test_imports_point_down():
    wrong = [f"{me} imports {other}" for me, path in MODULES.items() for other in upward(me, imports(path, at_import=False))]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_in_a_circle():
    ours = {name: imports(path, at_import=True) & MODULES.keys() for name, path in MODULES.items()}
    order = list(TopologicalSorter(ours).static_order())  # raises CycleError, which names the circle
    assert set(order) == set(MODULES)


def test_every_module_says_in_a_docstring_what_it_is():
    silent = [name for name, path in MODULES.items() if not (ast.get_docstring(tree(path)) or "").strip()]
    assert not silent


def test_a_folder_s_init_is_a_docstring_and_nothing_else():
    """But that of core.api, which is what others import."""
    more = [name for name, path in MODULES.items() if path.name == "__init__.py" and len(tree(path).body) != 1]
    assert more == ["core.api"]


def unseemly(me: str, wanted: Iterable[str]) -> set[str]:
    """The packages of `wanted` that have no place on this module's side of the house."""
    own = SCREEN - {"plotly"} if me.startswith("core.figures") else SCREEN
    return {module.split(".")[0] for module in wanted} & (own if unit(me).startswith("core") else HEAVY)


def test_the_engine_never_sees_the_screen_and_the_screen_never_computes():
    wrong = {me: found for me, path in MODULES.items() if (found := unseemly(me, imports(path, at_import=False)))}
    assert not wrong


def ways_to(heads: Iterable[str], module: str) -> list[str]:
    """How `module` comes to import anything whose name begins with one of `heads`: a chain of imports each."""
    found, ways = loaded_with(module), []
    for other in found:
        if other.startswith(tuple(heads)):
            way = [other]
            while found[way[-1]]:
                way.append(found[way[-1]])
            ways.append(" <- ".join(way))
    return ways


def test_no_torch_comes_in_by_any_way():
    modules = [*(name for name in MODULES if name.startswith("dashboard")), *WITHOUT_TORCH]
    ways = [way for module in modules for way in ways_to(HEAVY, module)]
    assert not ways, "\n".join(ways)


def test_a_chart_cannot_query():
    forbidden = ("dashboard.queries", "dashboard.session", "core.storage", "streamlit")
    charts = [*DRAWN_IN_PLACE, *(name for name in MODULES if name.startswith("core.figures"))]
    assert set(charts) <= MODULES.keys()
    ways = [way for module in charts for way in ways_to(forbidden, module)]
    assert not ways, "\n".join(ways)


def test_a_process_that_only_asks_never_imports_torch():
    code = f"import sys; import {', '.join(WITHOUT_TORCH)}; print(*({HEAVY!r} & sys.modules.keys()))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout.strip(), said.stderr) == (0, "", "")


def pickled(path: Path) -> list[str]:
    """What a file has that pickles, or may, each with its line."""
    wrong = [f"imports {module}" for module in imports(path, at_import=False) if module.split(".")[0] in PICKLES]
    refused = LOADERS - ({"torch.load"} if path == OWN_WEIGHTS else set())
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            adds = "safe_globals" in node.attr  # nothing is added to what weights_only lets through
            if adds or node.attr in ("to_pickle", "read_pickle") or ast.unparse(node) in refused:
                wrong.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            wrong.append(f"line {node.value.lineno}: allow_pickle={ast.unparse(node.value)}")
    return wrong


def test_nothing_is_pickled():
    wrong = {name: found for name, path in MODULES.items() if (found := pickled(path))}
    assert not wrong


def test_weights_that_a_user_brings_are_read_by_one_call_that_runs_nothing():
    calls = [node for node in ast.walk(tree(OWN_WEIGHTS)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"]
    named = [node for node in ast.walk(tree(OWN_WEIGHTS)) if isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.load"]
    assert len(calls) == len(named) == 1
    assert {k.arg: ast.unparse(k.value) for k in calls[0].keywords}["weights_only"] == "True"


def test_the_page_ranks_maps_without_scipy():
    """60 MB of the server that nothing else there needs."""
    assert not [name for name in loaded_with("dashboard.components.saliency.one_image") if name.split(".")[0] == "scipy"]


def test_no_resource_is_cached_for_a_time():
    """Streamlit 1.67 raises KeyError where one runs out between being found and being read; data that run out do not."""
    calls = [node for path in FILES for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    cached = [{k.arg for k in node.keywords} for node in calls if ast.unparse(node.func) == "st.cache_resource"]
    assert cached
    assert not [named for named in cached if "ttl" in named]


def test_every_table_of_a_page_is_shown_where_a_missing_value_is_a_dash():
    def shown(path):
        """Calls by which Streamlit, or a part of a page, shows a table: `st.table(...)`, `column.dataframe(...)`."""
        calls = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        names = [call for call in calls if isinstance(call, ast.Attribute) and call.attr in ("table", "dataframe", "data_editor")]
        return [ast.unparse(call) for call in names if ast.unparse(call) not in stored]

    stored = {  # of a run's stored tables
        *("runs.handle(run).table", "runs.handle(second_reference).table", "run.table", "self.handle.table"),
        *("side.table", "a.table", "story.table", "self.table"),
    }
    assert shown(TABLES) == ["st.dataframe"]  # and st.table by another name
    others = {path.name: found for path in FILES if "dashboard" in path.parts and path != TABLES and (found := shown(path))}
    assert not others


METHODS = sorted((ROOT / "core" / "methods").rglob("*.py"))


def test_a_method_is_whole_in_its_file():
    """What one method alone imports of the rooms of methods and training belongs into its file."""
    lent = [name for name in MODULES if name.startswith(("core.methods.", "core.training.")) and not name.endswith((".registry", ".base"))]
    users = {name: [me for me, path in MODULES.items() if name in imports(path, at_import=False)] for name in lent}
    assert not {name: found for name, found in users.items()
                if len(found) == 1 and found[0].startswith("core.methods.") and found[0] != "core.methods.registry"}


def test_every_method_file_is_on_the_shelf_once():
    from core.methods.registry import METHODS as REGISTRY  # late: the rest of this file needs no torch

    files = {path.stem for path in METHODS} - {"__init__", "base", "chains", "registry", "search"}
    assert sorted(method.__module__.rpartition(".")[2] for method in REGISTRY.values()) == sorted(files)
    assert all(method.key == key for key, method in REGISTRY.items())


def test_every_file_that_has_something_for_a_shelf_is_read_by_it():
    """The others are helpers: what several families share."""
    for shelf, folder, mark in (("core.models.registry", "models", "INFO"), ("core.metrics.registry", "metrics", "METRICS")):
        files = {path.stem for path in (ROOT / "core" / folder).glob("*.py") if f"\n{mark} = " in path.read_text()}
        assert files
        assert {f"core.{folder}.{stem}" for stem in files - {"registry"}} <= imports(MODULES[shelf], at_import=True)


def test_the_rules_of_this_file_see_what_they_forbid(tmp_path):
    """A rule that never finds anything is no rule."""
    sample = tmp_path / "sample.py"
    sample.write_text("from core.jobs import catalogue\nif TYPE_CHECKING:\n    import captum\ndef f():\n    import torch.nn\n")
    assert imports(sample, at_import=True) == {"core.jobs.catalogue"}
    assert imports(sample, at_import=False) == {"core.jobs.catalogue", "captum", "torch.nn"}
    assert "torch" in loaded_with("core.pipeline")
    assert floor("core.methods.ssd") > floor("core.training.loop") > floor("core.data.splits") > floor("core.domain.run")
    with pytest.raises(AssertionError, match="no floor yet"):
        floor("core.attic")
    assert upward("core.training.loop", ["core.methods.ssd", "core.data.splits", "core.training.loop", "numpy"]) == ["core.methods.ssd"]
    assert upward("core.domain.hyperparameters", ["core.domain.run"]) == []  # in one room
    assert upward("core.storage.home", ["core.models.layers"]) == ["core.models.layers"]  # on one floor, in two rooms
    assert upward("core", ["core.domain.run"]) == ["core.domain.run"]
    assert (unseemly("core.storage.home", ["plotly.express", "torch"]), unseemly("dashboard.app", ["torch.nn", "plotly"])) == (
        {"plotly"}, {"torch"},
    )  # fmt: skip
    assert "torch <- core.pipeline" in ways_to(HEAVY, "core.pipeline")
    assert all(way.endswith(" <- core.pipeline") for way in ways_to(HEAVY, "core.pipeline"))
    assert any(way.count(" <- ") > 1 for way in ways_to(HEAVY, "core.pipeline")), "by way of another module of ours"
    assert not ways_to(HEAVY, "core.domain.run")
    sample = tmp_path / "pickles.py"
    sample.write_text("import joblib\na = torch.load\nb = np.load(x, allow_pickle=True)\nc = t.add_safe_globals\nd.to_pickle(1)\n")
    told = ["imports joblib", "line 2: torch.load", "line 3: allow_pickle=True", "line 4: t.add_safe_globals", "line 5: d.to_pickle"]
    assert sorted(pickled(sample)) == told


def test_no_style_asks_what_the_whole_page_holds():
    """A browser answers `:has()` again at every change below its subject: on the app itself that made pages a quarter slower."""
    styles = [path for path in (ROOT / "dashboard").rglob("*") if path.suffix in (".css", ".py", ".js")]
    asks = re.compile(r"\[data-testid=['\"]?st(App|Main)\w*['\"]?\]:has\(")
    assert asks.search("[data-testid=stApp]:has(b) c")
    assert not [path.name for path in styles if asks.search(path.read_text(encoding="utf-8"))]
