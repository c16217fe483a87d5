"""The table of a search of settings, from planted arrays."""

import numpy as np

from core.reports.settings_search import outcome_line, search_outcome, search_sentence, search_table

RECORDED = {
    "search/accuracies": np.array([[1.0, 0.99], [0.4, 0.985], [0.0, 0.97]]), "search/of_alpha": np.array([7.0906, 4.138]),
    "search/of_lambda": np.array([1.0, 0.5]), "search/chosen": np.array(1.0), "search/met": np.array(1, dtype=np.uint8),
    "search/seconds": np.array(12.34), "search/to_alpha": np.array(4.138), "search/to_lambda": np.array(0.5),
}  # fmt: skip


def test_each_trial_is_a_row_with_its_settings_and_both_accuracies():
    assert search_table(RECORDED).values.tolist() == [
        ["before", "", "", "1.000", "0.990", ""],
        ["1", "7.091", "1", "0.400", "0.985", ""],
        ["2", "4.138", "0.5", "0.000", "0.970", "yes"],
    ]
    assert list(search_table(RECORDED)) == ["trial", "alpha", "lambda", "forget accuracy", "retain accuracy", "chosen"]


def test_a_trial_that_diverged_has_no_accuracy():
    table = search_table(RECORDED | {"search/accuracies": np.array([[1.0, 0.99], [0.4, 0.985], [np.nan, np.nan]])})
    assert table.iloc[2, 3:5].tolist() == ["diverged", "diverged"]


def test_where_nothing_was_searched_there_is_no_table():
    assert search_table({"ssd/alpha": np.array(3.0)}).empty


def test_the_sentence_says_that_the_retained_images_were_trained_on():
    assert "no validation part: the original was trained on them, and a method that trains on the retain set trains on them" in \
        search_sentence(RECORDED)


def test_the_sentence_says_how_it_ended_and_what_it_cost():
    assert "harms nothing on these images. It took 12.3 s" in search_sentence(RECORDED)
    assert "the best compromise was taken. It took 12.3 s" in search_sentence(RECORDED | {"search/met": np.array(0)})


def test_the_outcome_names_the_chosen_settings_and_whether_they_hold():
    assert search_outcome(RECORDED) == {"chosen": {"alpha": 4.138, "lambda": 0.5}, "trials": 2, "met": True}
    assert outcome_line(search_outcome(RECORDED)) == "Settings chosen by a search of 2 trials: alpha=4.138, lambda=0.5."
    assert outcome_line({"chosen": {"noise": 1e-07}, "trials": 1, "met": False}) == (
        "Settings chosen by a search of 1 trial: noise=1e-07; no trial forgot enough without harm, so this is the best compromise."
    )
    assert search_outcome({"ssd/alpha": np.array(3.0)}) is None


def test_a_chains_searches_are_told_together_under_their_names():
    both = {"ssd/alpha": np.array(1.0)} | {f"then.salun/{name}": values for name, values in RECORDED.items()} | RECORDED
    later = {name: values for name, values in both.items() if not name.startswith("search/")} | {"then.salun/search/met": np.array(0)}
    assert search_outcome(both)["trials"] == 4
    assert search_outcome(later) == {"chosen": {"salun.alpha": 4.138, "salun.lambda": 0.5}, "trials": 2, "met": False}
    assert outcome_line(search_outcome(later)).startswith("Settings chosen by a search of 2 trials: salun.alpha=4.138")
    assert len(search_table(both)) == 6
    assert list(search_table(both)["method"]) == [""] * 3 + ["salun"] * 3
    assert "It took 24.7 s" in search_sentence(both)
