"""`tune`: a search of a method's settings, blind or by the reference; its table and its Pareto front; a trial as the home's preset."""

from dataclasses import asdict
from functools import partial
from typing import Any

import click

from core.cli.common import SeveralValues, as_json, cli, print_json, recipe_option
from core.cli.following import follow, leave, print_list
from core.cli.output import print_study
from core.cli.run import settings_from
from core.cli.study import carry_out
from core.domain.errors import WrongInput
from core.domain.requests.registry import FORMS, parse_request
from core.domain.run import settings_text
from core.domain.seed_lists import seeds_of, seeds_text
from core.domain.training.own_recipe import asked_recipe
from core.jobs import submit, tuning
from core.jobs.catalogue import Catalogue, catalogue, is_written
from core.jobs.tuning import Standing
from core.jobs.validation import dataset_of, limit_of
from core.storage.home import Home, open_home
from core.tuning import home_presets, journal
from core.tuning.journal import DONE, Search
from core.tuning.objectives import MODES, OBJECTIVES, ORACLE, USUAL
from core.tuning.plan import NO_WEIGHTS, USUAL_SEEDS, USUAL_TRIALS, Budget

SHOWN = 20  # trials of a printed table, those on the front before others
CLOSEST = "closest"

trials_option = click.option("--trials", type=int, default=None, help=f"Stop at so many trials; {USUAL_TRIALS} where no budget is given.")
time_option = click.option("--time", "minutes", default="", metavar="TIME", help="Stop when the trials took 90 (seconds), 15min, 2h, say.")
use_option = click.option(
    "--use", default=None, metavar="TRIAL", help="Make this trial's settings the preset of this home; `closest` takes the closest trial's."
)


@cli.group()
def tune() -> None:
    """Search a method's settings; a search can be stopped and gone on with at any time."""


@tune.command("start", cls=SeveralValues)
@click.option("--dataset", required=True, help="A key from `list datasets`.")
@click.option("--model", required=True, help="A key from `list models`.")
@click.option("--forget", required=True, metavar="KIND:VALUE", help=f"{FORMS}; a class or value by its index from 0 or by its name.")
@click.option("--method", required=True, help="A key from `list methods`, or a chain of several, such as ssd+finetune.")
@click.option("--mode", required=True, type=click.Choice(list(MODES)), help="; ".join(f"{key}: {words}" for key, words in MODES.items()))
@click.option(
    "--tune", "tuned", multiple=True, metavar="NAME[=LOW:HIGH[:log]]",
    help="A parameter to tune, around its preset or from LOW to HIGH, or NAME=A|B of choices; may be repeated. None: what decides most.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter that stands fixed; may be repeated.")
@recipe_option
@click.option("--weights", metavar="FILE", help="Not taken, and why is said: a search trains its originals itself.")
@click.option("--objectives", default=",".join(USUAL), show_default=True, help=f"Of {', '.join(OBJECTIVES[ORACLE])}, with commas.")
@click.option(
    "--seeds", default=seeds_text(USUAL_SEEDS), show_default=True, help="Each trial is the mean over them; none that runs are judged on."
)
@trials_option
@time_option
@use_option
@as_json
def start(
    dataset: str, model: str, forget: str, method: str, mode: str, tuned: tuple[str, ...], settings: tuple[str, ...],
    recipe: tuple[str, ...], weights: str | None, objectives: str, seeds: str, trials: int | None, minutes: str, use: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Search the settings of a method; Ctrl-C stops, and the same command goes on."""
    if weights is not None:
        raise WrongInput(NO_WEIGHTS)
    budget = budget_of(trials, minutes) or Budget()
    home = open_home()
    if not is_written(home.root):
        submit.ensure_supervisor(home)
    shelves = catalogue(home.root)
    data = dataset_of(shelves, dataset)
    request, trained_by = parse_request(forget, data), asked_recipe(data, model, settings_from(recipe, "--recipe"))
    wanted = [key.strip() for key in objectives.split(",") if key.strip()]
    plan = tuning.make_plan(shelves, dataset, model, request, method, settings_from(settings), mode=mode, tuned=tuned, objectives=wanted,
                            seeds=seeds_of(seeds), budget=budget, recipe=trained_by)  # fmt: skip
    click.echo(f"{plan.id}  {tuning.title_of(plan)}; {'; '.join(one.words for one in plan.ranges)}", err=True)
    click.echo(f"{plan.id}  {plan.mode}: {MODES[plan.mode]}", err=True)
    _carried_out(home, shelves, tuning.start(home, plan), use, as_json)


@tune.command("go-on")
@click.argument("search_id", metavar="ID")
@trials_option
@time_option
@use_option
@as_json
def go_on(search_id: str, trials: int | None, minutes: str, use: str | None, as_json: bool) -> None:
    """Go on with a search that was stopped, or with a larger budget."""
    home = open_home()
    _carried_out(home, catalogue(home.root), tuning.go_on(home, search_id, budget_of(trials, minutes)), use, as_json)


@tune.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every search, the one that changed last first."""
    found, damaged = tuning.standings(open_home())
    known = {one.search.id: (one.text, tuning.title_of(one.search.plan)) for one in found}
    nothing = "No searches yet; `tune start --help` says how to begin one."
    print_list(known, damaged, nothing, [_plain(one) for one in found] if as_json else None)


@tune.command("show")
@click.argument("search_id", metavar="ID")
@use_option
@as_json
def show(search_id: str, use: str | None, as_json: bool) -> None:
    """A search's trials, with its Pareto front."""
    home = open_home()
    _shown(home, catalogue(home.root), tuning.standing(home, search_id), use, as_json)


@tune.command("judge")
@click.argument("search_id", metavar="ID")
@click.option("--trial", type=int, default=None, help="The trial; the closest where none is named.")
@as_json
def judge(search_id: str, trial: int | None, as_json: bool) -> None:
    """Run a trial as a study on fresh seeds, beside the shipped preset and what the other mode chose; Ctrl-C cancels."""
    home = open_home()
    shelves = catalogue(home.root)
    plan = tuning.judged_plan(home, shelves, journal.read(home, search_id), trial)
    told, ended, status = carry_out(home, plan, shelves)
    print_study(told, ended, as_json, shelves.metrics)
    if status:
        raise SystemExit(status)


@tune.command("stop")
@click.argument("search_id", metavar="ID")
def stop(search_id: str) -> None:
    """Stop a search that another terminal or a page follows; what it found stays."""
    tuning.stop(open_home(), search_id)


@tune.command("remove")
@click.argument("search_id", metavar="ID")
def remove(search_id: str) -> None:
    """Forget a search and all of its trials."""
    tuning.remove(open_home(), search_id)


@tune.command("presets")
@click.option("--give-up", default=None, type=int, metavar="NUMBER", help="The shipped preset is the default again in place of this one.")
@as_json
def presets(give_up: int | None, as_json: bool) -> None:
    """Settings that are defaults in this home, because a trial was chosen with --use."""
    home = open_home()
    found = home_presets.read(home.root)
    if give_up is not None:
        if not 1 <= give_up <= len(found):
            raise WrongInput(f"This home has {len(found)} presets, numbered from 1; there is no {give_up}.")
        home_presets.give_up(home, found[give_up - 1])
        return
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for number, one in enumerate(found, 1):
        click.echo(f"{number}  {one.text}\n   {settings_text(one.values)}")
    if not found:
        click.echo("This home has no presets of its own; `tune show ID --use TRIAL` makes one.")


def budget_of(trials: int | None, time: str) -> Budget | None:
    """None where neither is given. Raises WrongInput."""
    seconds = limit_of(time, "A search's time")
    if trials is None and seconds is None:
        return None
    found = Budget(trials, None if seconds is None else seconds / 60)
    found.check()
    return found


def _carried_out(home: Home, shelves: Catalogue, search_id: str, use: str | None, as_json: bool) -> None:
    """Follow a search to its end, a line for each new trial on stderr; print it, and leave with its status."""

    def lines(told: int) -> list[str]:
        found = journal.read(home, search_id)
        return [f"{trial.number:4}  {tuning.trial_text(found, trial.number)}" for trial in found.trials[told:]]

    follow(home, search_id, "tune", lines=lines, stamp=partial(journal.stamp, home, search_id), stop=tuning.stop, quiet="trial")
    ended = tuning.standing(home, search_id)
    _shown(home, shelves, ended, use, as_json)
    leave(ended)


def _shown(home: Home, shelves: Catalogue, one: Standing, use: str | None, as_json: bool) -> None:
    preset = None
    if use is not None:
        if use != CLOSEST and not use.isdecimal():
            raise WrongInput(f"--use wants the number of a trial, or {CLOSEST}; got {use!r:.40}.")
        preset = tuning.use(home, shelves, one.search, None if use == CLOSEST else int(use))
    if as_json:
        print_json(_plain(one) | {"trials": _trials(shelves, one.search), "used": asdict(preset) if preset else None})
        return
    _print(one)
    if preset:
        click.echo(f"\nThe preset of this home is now {preset.text}:\n{settings_text(preset.values)}")


def _print(one: Standing) -> None:
    found, plan = one.search, one.search.plan
    click.echo(f"{found.id}  {tuning.title_of(plan)}")
    click.echo(f"{one.text}; budget {plan.budget.text}; tuned {'; '.join(r.words for r in plan.ranges)}")
    click.echo(f"{plan.mode}: {MODES[plan.mode]}")
    front, closest = found.front, found.closest
    done = sorted(found.done, key=lambda n: (n not in front, n != closest, n))[:SHOWN]
    rows = sorted({*done, *([closest] if closest is not None else [])})
    names = [r.name for r in plan.ranges]
    heads = [f"{o.title} ({plan.mode})" for o in plan.measured]
    columns = "".join(f"{name:>16}" for name in names) + "".join(f"{head:>30}" for head in heads)
    click.echo(f"\n{'trial':>5}  {'':8}{columns}{'seconds':>10}")
    for number in rows:
        trial, values = found.trials[number], tuning.settings_of(found, number)
        mark = "closest" if number == closest else "front" if number in front else ""
        cells = "".join(f"{f'{v:.4g}' if isinstance(v, float) else v!s:>16}" for v in values.values())
        cells += "".join(f"{trial.values[o.key]:>30.4f}" for o in plan.measured)
        click.echo(f"{number:5}  {mark:8}{cells}{trial.seconds:>10.3f}")
    lost = [trial for trial in found.trials if trial.state != DONE]
    said = f"{len(front)} of {len(found.done)} trials on the Pareto front" + (f"; {len(lost)} diverged or failed" if lost else "")
    click.echo(f"\n{said}. Trial 0 is the preset; closest: the least sum of what each objective but seconds lacks.")
    for key, shares in found.importances.items():
        title = next(o.title for o in plan.measured if o.key == key)
        click.echo(f"importance for {title} ({plan.mode}): " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))


def _plain(one: Standing) -> dict[str, Any]:
    found = one.search
    return {
        "id": found.id, **found.plan.to_plain(), "state": one.state, "error": one.error, "count": len(found.trials),
        "front": sorted(found.front), "closest": found.closest, "importances": found.importances, "prepared": found.prepared,
    }  # fmt: skip


def _trials(shelves: Catalogue, found: Search) -> list[dict[str, Any]]:
    return [
        {**vars(trial), "tried": dict(trial.tried), "params": tuning.params_of(shelves, found, trial.number)} for trial in found.trials
    ]
