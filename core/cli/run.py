"""`run`: one run, followed to its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
import sys
from time import monotonic, sleep
from typing import NoReturn

import click

from core.cli.common import EXIT, FAILED, POLL, SeveralValues, as_json, cli, print_json, ray_option, recipe_option
from core.cli.output import Doubts, doubts_of, print_costs, print_report
from core.cli.progress_text import Watched
from core.domain.errors import WrongInput
from core.domain.evaluation import COSTLY, Evaluation
from core.domain.formatting import duration, percent
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.methods.chains import chain_of
from core.domain.requests.index_file import samples_from_file
from core.domain.requests.registry import FORMS, parse_request
from core.domain.run import ACTIVE, NORMALISATIONS, ORDERS, RunSpec, RunStatus, WeightsAs
from core.domain.training.own_recipe import asked_recipe, recipe_for
from core.domain.training.sharding import note_on
from core.jobs import submit
from core.jobs.catalogue import Catalogue, catalogue, is_written
from core.jobs.engine_client import TO_MEASURE, WarmEngine
from core.jobs.forecast import asking, check_memory, forecast, sentence, unknown
from core.jobs.validation import dataset_of, floor_spec, limit_of, make_spec
from core.reports.run_report import full_report
from core.reports.uploaded_weights import accuracy_line, likely_order, offered, read_like, reading, start, warnings, why
from core.storage.durations import Ask
from core.storage.home import Home, open_home
from core.storage.record_types import Forecast, Run
from core.storage.runs import ResultStore
from core.training.uploaded_weights.client import own_weights


@cli.command(cls=SeveralValues)
@click.option("--dataset", required=True, help="A key from `list datasets`.")
@click.option("--model", required=True, help="A key from `list models`, or timm:NAME.")
@click.option("--forget", metavar="KIND:VALUE", help=f"{FORMS}; a class or value by its index from 0 or by its name.")
@click.option("--forget-file", type=click.Path(path_type=Path), metavar="CSV", help="Instead of --forget: a CSV of training indices.")
@click.option("--method", required=True, help="A key from `list methods`.")
@click.option("--then", multiple=True, metavar="METHOD", help="A method that goes on from the network that --method leaves; its "
              "parameters are set as --set METHOD.NAME=VALUE. May be repeated once.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the method; may be repeated."
)
@click.option("--weights", "own", metavar="FILE", help="The original's weights, as torch.save or safetensors wrote them.")
@click.option(
    "--normalisation", type=click.Choice(["best", *NORMALISATIONS]), default="best", show_default=True,
    help="Of pixels, as --weights were trained: " + "; ".join(f"{key}: {words}" for key, words in NORMALISATIONS.items())
    + "; best: the file's own, else the one with which they are right most often.",
)
@click.option(
    "--class-order", type=click.Choice(["here", *ORDERS]), default="here", show_default=True,
    help="In which --weights' classes stand: " + "; ".join(f"{key}: {words}" for key, words in ORDERS.items()) + ".",
)
@click.option("--accept-mapping", is_flag=True, help="Take --weights whose names were matched by order and shape alone, as printed.")
@recipe_option
@click.option("--seed", default=0, show_default=True, help="Decides every random draw of the run.")
@click.option("--no-reference", is_flag=True, help="Do not train the retrained reference.")
@click.option("--floor", is_flag=True, help="Also train a second reference, from another seed: it shows the retraining variability.")
@click.option("--limit", default="", metavar="TIME", help="Stop the run after 90 (seconds), 15min, 2h, say; by default there is no limit.")
@click.option("--without", multiple=True, type=click.Choice(list(COSTLY)), help="Leave this part of the evaluation out; may be repeated.")
@click.option("--budget", default="", metavar="TIME", help="Of the evaluation: when it is spent, costly parts that are left are left out.")
@click.option("--all-images", is_flag=True, help="Evaluate all training images, where of a costly network a draw is evaluated.")
@click.option("--again", is_flag=True, help="Compute a run that is stored once more, with its trained networks: by edited metrics, say.")
@click.option("--profile", is_flag=True, help="Also print the seconds of each part of the evaluation, by network.")
@click.option("--dry-run", is_flag=True, help="Only say how long the run is likely to take here and how much memory it needs.")
@ray_option
@as_json
def run(
    dataset: str, model: str, forget: str | None, forget_file: Path | None, method: str, then: tuple[str, ...], settings: tuple[str, ...],
    own: str | None, normalisation: str, class_order: str, accept_mapping: bool, recipe: tuple[str, ...], seed: int, no_reference: bool,
    floor: bool, limit: str, without: tuple[str, ...], budget: str, all_images: bool, again: bool,
    profile: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run one unlearning method and print its numbers; Ctrl-C cancels."""
    check_floor(floor, no_reference)
    if (forget is None) == (forget_file is None):
        raise WrongInput("What to forget must be said once: by --forget KIND:VALUE or by --forget-file CSV.")
    if own is None and (normalisation, class_order, accept_mapping) != ("best", "here", False):
        raise WrongInput("--normalisation, --class-order and --accept-mapping say how --weights are read; give --weights, too.")
    at_most, how = limit_of(limit), Evaluation(all_images, without, limit_of(budget, "An evaluation's budget"))
    home = open_home()
    of_file = samples_from_file(forget_file) if forget_file else None  # told before the engine is awake
    if not is_written(home.root):  # a new home or engine: let the two first imports of torch go side by side
        submit.ensure_supervisor(home)
    shelves = catalogue(home.root)
    data = dataset_of(shelves, dataset)
    request = of_file or parse_request(forget or "", data)
    spec = make_spec(
        shelves, dataset, model, request, chain_of(method, then), settings_from(settings), seed=seed, reference=not no_reference,
        weights_follow=own is not None, recipe=asked_recipe(data, model, settings_from(recipe, "--recipe")),
    )  # fmt: skip
    if own is not None:
        spec = with_own_weights(home, shelves, spec, own, normalisation, class_order, accept_mapping)
    likely = tell_forecast(home, spec, shelves, how, measure=dry_run)
    if dry_run:
        print_dry(spec, likely, as_json)
        return
    wanted = [submit.submit(home, spec, limit=at_most, evaluation=how, again=again)]
    if floor and spec.method != SECOND_REFERENCE_METHOD:  # retraining is the floor itself
        wanted.append(submit.submit(home, floor_spec(spec, shelves), along_with=wanted[0], evaluation=how))
    tell_ends(home, follow_all(home, wanted), shelves, as_json=as_json, profile=profile)


def check_floor(floor: bool, no_reference: bool) -> None:
    """Raises WrongInput where a second reference is asked for beside none."""
    if floor and no_reference:
        raise WrongInput("A second reference (--floor) is held against the reference; leave out --floor or --no-reference.")


def tell_ends(home: Home, ends: list[Run], shelves: Catalogue, *, as_json: bool, profile: bool) -> NoReturn:
    """The first run's numbers on stdout, errors of all on stderr, and out, with a status that says whether all are done.

    ends: the run, and its second reference where one was asked for.
    """
    ended, *below = ends
    _tell_end(home, ended, shelves, as_json=as_json, profile=profile)
    for error in filter(None, [*(f"The second reference: {one.error_line}" for one in below if one.error_line), ended.error_line]):
        click.echo(error, err=True)
    codes = [EXIT.get(one.anew or one.status, FAILED) for one in ends]
    sys.exit(next(filter(None, codes), 0))


def _tell_end(home: Home, ended: Run, shelves: Catalogue, *, as_json: bool, profile: bool) -> None:
    """A run's numbers on stdout; profile: with the seconds of each part of the evaluation."""
    data = shelves.datasets[ended.spec.dataset]
    with ResultStore(home.database) as store:
        report = full_report(home, store, ended)
        doubts = Doubts() if as_json else doubts_of(home, store, ended, data)
    if as_json:
        print_json(report)
        return
    print_report(report, ended, data, doubts, shelves.metrics)
    if profile:
        print_costs(report["costs"], shelves.metrics)


@contextmanager
def engine_asked(home: Home, *, measure: bool) -> Iterator[Ask]:
    """Whom a forecast asks where nothing like a run has finished here: an engine, which takes seconds to start, or nobody."""
    engine = WarmEngine(home, TO_MEASURE)
    try:
        yield asking(engine.ask) if measure else unknown
    finally:
        engine.close()


def tell_forecast(home: Home, spec: RunSpec, shelves: Catalogue, how: Evaluation, *, measure: bool) -> Forecast:
    """What the run is likely to take, on stderr, with notes on its settings. Raises WrongInput where it would outgrow the memory."""
    method, data = shelves.methods.get(spec.method), shelves.datasets[spec.dataset]
    for p in method.params if method else ():  # what was unlearned elsewhere has none
        if note := p.note(spec.params[p.name]):
            click.echo(note, err=True)
    if method and method.needs_shards and (note := note_on(recipe_for(spec), spec.request.count(data), spec.request.by_class)):
        click.echo(note, err=True)
    with engine_asked(home, measure=measure) as ask, ResultStore(home.database) as store:
        likely = forecast(store, spec, ask, how=how)
    check_memory(likely, spec)
    if said := sentence(likely):
        click.echo(f"{spec.id}  {said}", err=True)
    return likely


def print_dry(spec: RunSpec, likely: Forecast, as_json: bool) -> None:
    """What `--dry-run` says on stdout, or where nothing has been said yet."""
    if as_json:
        print_json({"id": spec.id, **asdict(likely)})
    elif not sentence(likely):
        click.echo(f"{spec.id}  {'It is stored already.' if likely.seconds == 0 else 'How long it takes is not known.'}", err=True)


def aloud(line: str) -> None:
    """On stderr."""
    click.echo(line, err=True)


def with_own_weights(
    home: Home, shelves: Catalogue, spec: RunSpec, file: str, normalisation: str, order: str, accept: bool = False,
    say: Callable[[str], None] = aloud,
) -> RunSpec:  # fmt: skip
    """The same run with the original's weights from a file, which is checked and tried first. Raises WrongInput.

    normalisation: one of NORMALISATIONS, or `best`; order: one of ORDERS, or `here`; accept: names matched by order and shape alone.
    """
    found, how = brought_weights(home, shelves, (spec.dataset, spec.model), file, normalisation, order, accept, say=say)
    again = (spec.dataset, spec.model, spec.request, spec.method, spec.params)
    return make_spec(
        shelves, *again, seed=spec.seed, reference=spec.reference, weights=found, weights_as=how.text, recipe=spec.recipe
    )


def brought_weights(
    home: Home, shelves: Catalogue, network: tuple[str, str], file: str, normalisation: str, order: str, accept: bool,
    follow: WeightsAs | None = None, say: Callable[[str], None] = aloud,
) -> tuple[str, WeightsAs]:  # fmt: skip
    """A file's weights, stored, as a RunSpec names them, and how they are read; say: told what is said of them.

    network: dataset and model; follow: how the original is read, which a network made of it follows where its file says nothing;
    the rest as for `with_own_weights`. Raises WrongInput.
    """
    dataset, model = network
    found = own_weights(home, dataset, model, str(Path(file).absolute()))
    for theirs, ours, shape in found.get("mapping", ()):
        say(f"{theirs} -> {ours}  {shape}")
    if found.get("mapping") and not accept:
        raise WrongInput(
            f"The names in {Path(file).name} are none that are known, so they were matched by order and shape alone, as printed above; "
            "give --accept-mapping if that is right."
        )
    classes = shelves.datasets[dataset].classes
    asked = "" if normalisation == "best" else normalisation
    if follow is None:
        how = reading(found, classes, asked or start(found), "" if order == "here" else order)
    else:
        how = read_like(found, classes, follow, asked)
    say(f"{Path(file).name} fits: {found['count']:,} weights")
    said = [f"Normalisation {how.normalisation}: {offered(found)[how.normalisation]}.", why(found, how), accuracy_line(found, how)]
    for line in (*found["notes"], " ".join(filter(None, said)), *warnings(found, classes, how)):
        say(line)
    if likely_order(found, how.normalisation) and not how.order:
        say(f"--class-order {likely_order(found, how.normalisation)} reads it so.")
    return str(found["weights"]), how


def settings_from(pairs: tuple[str, ...], option: str = "--set") -> dict[str, str]:
    """From NAME=VALUE. Raises WrongInput."""
    for pair in pairs:
        if "=" not in pair:
            raise WrongInput(f"{option} wants NAME=VALUE; got {pair!r}.")
    settings = [(name.strip(), value.strip()) for name, _, value in (pair.partition("=") for pair in pairs)]
    names = [name for name, _ in settings]
    for name in names:
        if names.count(name) > 1:
            raise WrongInput(f"{option} wants each parameter once; {name} was given {names.count(name)} times.")
    return dict(settings)


def follow_all(home: Home, run_ids: list[str], say: Callable[[str], None] = aloud) -> list[Run]:
    """Wait for the ends of all; Ctrl-C cancels the first and what was asked for along with it, unless others wait for that."""
    try:
        return [follow(home, run_id, say) for run_id in run_ids]
    except KeyboardInterrupt:
        submit.cancel(home, run_ids[0])
        submit.cancel_companions(home, run_ids[0])  # also where the first is done already
        with ResultStore(home.database) as store:
            left = {run_id for run_id in run_ids[1:] if not store.existing(run_id).cancel_requested}
            return [store.existing(run_id) if run_id in left else follow(home, run_id, say) for run_id in run_ids]


def follow(home: Home, run_id: str, say: Callable[[str], None] = aloud) -> Run:
    """Wait for the run's end; tell its progress."""
    told, nudge = "", Nudge(home)
    with ResultStore(home.database) as store:
        where = Watched(store)
        while True:
            store.reconcile()
            now = store.existing(run_id)
            if now.status not in ACTIVE:
                return now
            left = "" if now.seconds_left is None else f", about {duration(now.seconds_left)} left"
            if now.status == RunStatus.QUEUED and (place := where().get(run_id)) and place.text():
                left = f": {place.text()}"
            if now.status == RunStatus.QUEUED and now.note:
                left = f": {now.note}"
            line = f"{percent(round(now.share, 1))} {now.stage or now.status}{left}"
            if line.partition(",")[0] != told:
                told = line.partition(",")[0]
                say(f"{run_id}  {line}")
            nudge()
            sleep(POLL)


class Nudge:
    """Should the supervisor have died, the queue must not wait for the next visitor: looks once a second."""

    def __init__(self, home: Home) -> None:
        self._home, self._last = home, monotonic()

    def __call__(self) -> None:
        """Call as often as you like."""
        if monotonic() - self._last > 1:
            submit.ensure_supervisor(self._home)
            self._last = monotonic()
