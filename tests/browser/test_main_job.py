"""The way of a run as a person goes it: from clicks to numbers, and through everything that can happen in between."""

import os
import re
import signal
import time

from playwright.sync_api import expect
import pytest

from core.domain.formatting import percent
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec, RunStatus
from core.jobs import submit
from core.reports.run_report import numbers_of
from core.storage.runs import ResultStore
from tests.browser.kit import (
    alert,
    drawn,
    figure,
    finetune,
    metric,
    opened,
    press_run,
    progress,
    ready,
    status,
    until,
)

LONG = 200  # epochs of fine-tuning: half a minute and more
SHORT = 15  # a few seconds


def numbers(dashboard, run_id):
    with ResultStore(dashboard.home.database) as store:
        return numbers_of(store, run_id)


def test_from_clicks_to_numbers(open_page, page, watch, dashboard):
    open_page("/unlearn?floor=false")
    page.get_by_test_id("stButtonGroup").get_by_role("radio", name="8", exact=True).click()
    ready(page)
    run_id = press_run(page)
    progress(page)
    expect(page.get_by_text(re.compile("training the reference|training the original|measuring"))).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-verdict")).to_contain_text(re.compile(r"Accuracy on test images of class 8"), timeout=60_000)
    ready(page)
    stored = numbers(dashboard, run_id)
    now, before = stored["unlearned"]["test_forget_accuracy"], stored["original"]["test_forget_accuracy"]
    verdict = page.locator(".st-key-verdict").inner_text()
    assert f"{percent(before)} before, {percent(now)} now" in verdict
    page.get_by_role("tab", name="Membership").click()
    title = "Membership inference by loss (accuracy, standardised)"
    row = page.get_by_role("row").filter(has_text=title).get_by_role("cell").all_inner_texts()
    shown = [percent(stored[model]["attack_loss_accuracy"]) for model in ("original", "unlearned", "reference")]
    assert row[1:4] == shown
    drawn(page, "class_shift", "confusion-original", "confusion-unlearned", "confusion-reference")
    dots = {trace["name"]: trace["x"] for trace in figure(page, "class_shift")["traces"]}
    assert dots["Unlearned"][8] == pytest.approx(now)
    assert dots["Original"][8] == pytest.approx(before)
    assert dashboard.run(run_id).seconds["train"] == 0
    assert metric(page, "Train original") == "stored"  # the original was there already


def test_the_floor_is_measured_behind_the_run_and_comes_in_by_itself(open_page, page, dashboard):
    open_page("/unlearn?method=finetune&class=8")  # whose reference is there, if the test above has run
    count = len(dashboard.runs())
    run_id = press_run(page)
    expect(page.locator(".st-key-verdict")).to_contain_text("class 8", timeout=60_000)
    assert len(dashboard.runs()) == count + 2
    floor = next(run for run in dashboard.runs() if run.spec.method == "retrain")
    expect(page.get_by_role("columnheader", name="Second reference").first).to_be_visible(timeout=60_000)  # no click
    assert dashboard.run(floor.id).status == RunStatus.DONE
    stored = percent(numbers(dashboard, floor.id)["unlearned"]["test_retain_accuracy"])
    row = page.get_by_role("row").filter(has_text="Accuracy, test retain set").get_by_role("cell").all_inner_texts()
    assert row[4] == stored
    expect(page.locator(".st-key-verdict")).to_contain_text("the retraining variability, which a second reference shows")
    assert opened(page) == run_id


def test_cancel_takes_effect_within_two_seconds(page, dashboard):
    run_id = finetune(page, 4, LONG)
    progress(page)
    until(lambda: dashboard.run(run_id).stage == "unlearn")
    began = time.monotonic()
    page.get_by_role("button", name="Cancel").click()
    status(page, "cancelled", 5)
    took = time.monotonic() - began
    print(f"\ncancel: {took:.2f} s from click to page")
    assert took <= 2
    assert dashboard.run(run_id).status == RunStatus.CANCELLED
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_reload_in_mid_run_and_a_second_tab_look_at_the_same_run_which_can_be_deleted_there(page, open_tab, dashboard):
    run_id = finetune(page, 5, LONG)
    progress(page)
    share = until(lambda: dashboard.run(run_id).share)
    page.reload()
    assert opened(page) == run_id
    progress(page)
    status(page, "running")
    other = open_tab()
    other.goto("/runs")
    row = other.locator(f".st-key-run-{run_id}")
    expect(row.get_by_role("progressbar")).to_be_visible()
    run = dashboard.run(run_id)
    assert (run.status, run.attempt) == (RunStatus.RUNNING, 1)
    assert run.share >= share
    row.get_by_role("button", name="Cancel").click()
    status(page, "cancelled")  # the first tab sees what the second one did
    expect(row.get_by_role("button", name="Retry")).to_be_visible()
    row.get_by_role("button", name="Delete").click()
    other.get_by_role("button", name="Delete it").click()
    expect(row).to_have_count(0)
    assert run_id not in [run.id for run in dashboard.runs()]
    ready(other)
    assert run_id not in other.url  # the open run is none, not one that is gone


def test_a_run_ends_though_its_page_was_closed(open_tab, dashboard):
    tab = open_tab()
    run_id = finetune(tab, 6, SHORT)
    progress(tab)
    tab.close()
    assert dashboard.ended(run_id).status == RunStatus.DONE
    again = open_tab()
    again.goto(f"/result?run={run_id}")
    expect(again.locator(".st-key-verdict")).to_contain_text("class 6")


def test_a_restart_of_the_dashboard_in_mid_run_loses_nothing(page, watch, dashboard):
    run_id = finetune(page, 7, 4 * SHORT)
    progress(page)
    before = dashboard.pid_of(run_id)
    with watch.excuse():
        dashboard.stop()
        assert dashboard.run(run_id).status == RunStatus.RUNNING
        dashboard.start()
        page.reload()
        ready(page)
    assert opened(page) == run_id
    assert dashboard.pid_of(run_id) == before
    assert dashboard.ended(run_id).attempt == 1
    expect(page.locator(".st-key-verdict")).to_contain_text("class 7", timeout=20_000)


def test_a_killed_run_reads_interrupted_and_retry_finishes_it(page, dashboard):
    run_id = finetune(page, 9, SHORT)
    progress(page)
    os.kill(dashboard.pid_of(run_id), signal.SIGKILL)
    status(page, "interrupted", 5)
    alert(page, "ended without a word")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".st-key-verdict")).to_contain_text("class 9", timeout=40_000)
    run = dashboard.run(run_id)
    assert (run.status, run.attempt) == (RunStatus.DONE, 2)


def test_a_failed_run_shows_its_last_line_and_the_whole_error(open_page, page, dashboard):
    spec = RunSpec("digits", "small_cnn", ClassRequest((1,)), "finetune", {"epochs": 0})  # no page lets that pass
    run_id = submit.submit(dashboard.home, spec)
    open_page(f"/result?run={run_id}")
    status(page, "failed")
    run = dashboard.run(run_id)
    alert(page, run.error_line)
    assert run.error_line == "epochs must be a whole number from 1 to 200; got '0'."
    expect(page.get_by_test_id("stCode")).not_to_be_visible()
    page.get_by_text("The whole error").click()
    code = page.get_by_test_id("stCode")
    expect(code).to_be_visible()
    assert code.inner_text().split() == run.error.split()


def test_two_tabs_that_submit_the_same_make_one_run(open_tab, dashboard):
    tabs = [open_tab(), open_tab()]
    count = len(dashboard.runs())
    for tab in tabs:
        tab.goto("/unlearn?method=original&class=2&reference=false&seed=0")
        ready(tab)
    buttons = [tab.get_by_test_id("stMain").get_by_role("button", name="Run", exact=True) for tab in tabs]
    for button in buttons:
        button.dblclick()
    first, second = (opened(tab) for tab in tabs)
    assert first == second
    run = dashboard.ended(first)
    assert (run.status, run.attempt) == (RunStatus.DONE, 1)
    assert len(dashboard.runs()) == count + 1
    for tab in tabs:
        expect(tab.locator(".st-key-verdict")).to_contain_text("class 2", timeout=20_000)
