"""Seeds that settings were found on, and seeds that they are measured on: no number stands on both sides, wherever it is written."""

import ast
from pathlib import Path
import re
import tokenize

import pytest

from core.domain.presets import FRESH_SEEDS, TUNING_SEEDS
from tests.benchmarks import results

ROOT = Path(__file__).resolve().parents[3]
TUNED = (ROOT / "core/domain/presets.py", ROOT / "tests/glasses.py")  # hold settings; their comments say where these were found
BENCHMARKS = sorted((ROOT / "tests/benchmarks").glob("*.py"))
CALLED = re.compile(r"\bseeds? (\d+(?:(?:, | and | to )\d+)*)")


def named(text: str) -> set[int]:
    """Every seed of `seed 11`, `seeds 10 to 12` or `seeds 21, 22`."""
    found = set[int]()
    for match in CALLED.finditer(text):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", match[1]):
            found |= set(range(int(first), int(last or first) + 1))
    return found


def comments(path: Path) -> str:
    with path.open("rb") as file:
        return " ".join(token.string.strip("# ") for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT)


def literals(tree: ast.AST) -> set[int]:
    """Of `seed=N`, and of a parameter `seed` that is N where nothing is given."""
    found = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "seed" and isinstance(node.value, ast.Constant):
            found.add(node.value.value)
        if isinstance(node, ast.FunctionDef):
            defaults = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
            found |= {value.value for arg, value in defaults if arg.arg == "seed" and isinstance(value, ast.Constant)}
    return found


def test_seeds_are_read_as_they_are_written():
    assert named("a (seeds 10 to 12), then seed 3; seeds 21, 22 and 30.") == {10, 11, 12, 3, 21, 22, 30}
    assert literals(ast.parse("f(seed=4)\ndef g(a, seed=5): ...")) == {4, 5}


def test_no_seed_is_both_fresh_and_tuned_on():
    assert not set(FRESH_SEEDS) & set(TUNING_SEEDS)
    assert len({*FRESH_SEEDS, *TUNING_SEEDS}) == len(FRESH_SEEDS) + len(TUNING_SEEDS)


@pytest.mark.parametrize("path", TUNED, ids=lambda p: p.name)
def test_seeds_that_settings_were_found_on_are_in_the_list(path):
    assert named(comments(path)), "it says on which seeds its settings were found"
    assert named(comments(path)) <= set(TUNING_SEEDS)


@pytest.mark.parametrize("path", [*BENCHMARKS, TUNED[0]], ids=lambda p: p.name)
def test_what_is_measured_or_claimed_is_on_no_seed_that_was_tuned_on(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    sentences = " ".join(node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    assert not (named(sentences) | literals(tree)) & set(TUNING_SEEDS)
    assert "range(seeds)" not in ast.unparse(tree), "a count of seeds runs into those of tuning: take fresh_seeds()"


def test_no_text_for_people_reports_a_seed_that_was_tuned_on():
    texts = [ROOT / "README.md", ROOT / "tests/benchmarks/RESULTS.md", *(ROOT / "assets").rglob("*.md")]
    for path in texts:
        assert not named(path.read_text(encoding="utf-8")) & set(TUNING_SEEDS), path


def test_benchmarks_take_as_many_fresh_seeds_as_are_asked_for_and_no_others(monkeypatch):
    monkeypatch.setattr(results.sys, "argv", ["bench"])
    assert results.fresh_seeds() == (0, 1, 2)
    monkeypatch.setattr(results.sys, "argv", ["bench", "5"])
    assert results.fresh_seeds() == FRESH_SEEDS
    monkeypatch.setattr(results.sys, "argv", ["bench", "6"])
    with pytest.raises(SystemExit, match="5 seeds that no setting was found on"):
        results.fresh_seeds()
