"""`judge`: a network that was unlearned elsewhere, evaluated as any run's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from core.cli.common import SeveralValues, as_json, cli, recipe_option
from core.cli.run import aloud, brought_weights, check_floor, follow_all, settings_from, tell_ends, tell_forecast
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.methods.judged import Brought
from core.domain.requests.base import ForgetRequest
from core.domain.requests.index_file import samples_from_file
from core.domain.requests.registry import FORMS, parse_request
from core.domain.run import NORMALISATIONS, ORDERS, RunSpec
from core.domain.training.own_recipe import asked_recipe
from core.jobs import submit
from core.jobs.catalogue import Catalogue, catalogue
from core.jobs.validation import NO_FLOOR, dataset_of, floor_spec, judged_spec
from core.storage.home import Home, open_home


@cli.command(cls=SeveralValues)
@click.option("--original", required=True, metavar="FILE", help="The original's weights, of before it was made to forget.")
@click.option("--unlearned", required=True, metavar="FILE", help="The weights that were unlearned elsewhere.")
@click.option("--reference", "brought", metavar="FILE", help="The weights of a network retrained elsewhere; by default it is trained here.")
@click.option("--no-reference", is_flag=True, help="Neither bring nor train a reference.")
@click.option("--floor", is_flag=True, help="Also train a second reference, beside one that is trained here.")
@click.option("--dataset", required=True, help="A key from `list datasets`.")
@click.option("--model", required=True, help="A key from `list models`, or timm:NAME.")
@click.option("--forget", metavar="KIND:VALUE", help=f"What was forgotten: {FORMS}.")
@click.option("--forget-file", type=click.Path(path_type=Path), metavar="CSV", help="Instead of --forget: a CSV of training indices.")
@click.option("--normalisation", type=click.Choice(["best", *NORMALISATIONS]), default="best", show_default=True,
              help="Of pixels, as the networks were trained: see `run`; best: a file's own, else the original's.")  # fmt: skip
@click.option("--class-order", type=click.Choice(["here", *ORDERS]), default="here", show_default=True, help="See `run`.")
@click.option("--accept-mapping", is_flag=True, help="Take weights whose names were matched by order and shape alone, as printed.")
@recipe_option
@click.option("--seed", default=0, show_default=True, help="Decides every random draw of the evaluation and of training the reference.")
@as_json
def judge(
    original: str, unlearned: str, brought: str | None, no_reference: bool, floor: bool, dataset: str, model: str, forget: str | None,
    forget_file: Path | None, normalisation: str, class_order: str, accept_mapping: bool, recipe: tuple[str, ...], seed: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Evaluate a network that was unlearned elsewhere and print its numbers; Ctrl-C cancels."""
    if brought and no_reference:
        raise WrongInput("A reference is brought by --reference or left out by --no-reference; give one of them.")
    if brought and floor:
        raise WrongInput(NO_FLOOR)
    check_floor(floor, no_reference)
    if (forget is None) == (forget_file is None):
        raise WrongInput("What was forgotten must be said once: by --forget KIND:VALUE or by --forget-file CSV.")
    home = open_home()
    shelves = catalogue(home.root)
    request = samples_from_file(forget_file) if forget_file else parse_request(forget or "", dataset_of(shelves, dataset))
    spec = spec_of_files(home, shelves, (dataset, model), request, (original, unlearned, brought), seed=seed, reference=not no_reference,
                         read_as=(normalisation, class_order, accept_mapping), recipe=settings_from(recipe, "--recipe"))  # fmt: skip
    tell_forecast(home, spec, shelves, Evaluation(), measure=False)
    wanted = [submit.submit(home, spec, evaluation=Evaluation())]
    if floor:
        wanted.append(submit.submit(home, floor_spec(spec, shelves), along_with=wanted[0], evaluation=Evaluation()))
    tell_ends(home, follow_all(home, wanted), shelves, as_json=as_json, profile=False)


def spec_of_files(
    home: Home, shelves: Catalogue, network: tuple[str, str], request: ForgetRequest, files: tuple[str, str, str | None], *, seed: int,
    reference: bool, read_as: tuple[str, str, bool], recipe: Mapping[str, Any], say: Callable[[str], None] = aloud,
) -> RunSpec:  # fmt: skip
    """The run that evaluates the weights in these files, which are read and stored; say: told what is said of them.

    network: dataset and model. files: original, unlearned, and the reference or None; reference: whether one is wanted, trained here
    where none is brought, by the usual recipe but for what `recipe` says.
    read_as: normalisation, order of classes and whether a mapping by shape is accepted, as of `brought_weights`.
    Raises WrongInput.
    """
    original, unlearned, brought = files
    asked = (shelves, *network, request)
    trained = reference and not brought
    recipe = asked_recipe(dataset_of(shelves, network[0]), network[1], recipe) if trained else recipe
    judged_spec(*asked, original=("", ""), unlearned=("", ""), seed=seed, reference=trained, recipe=recipe)  # before any file is read
    first, how = brought_weights(home, shelves, network, original, *read_as, say=say)

    def read(file: str) -> Brought:
        weights, its = brought_weights(home, shelves, network, file, *read_as, follow=how, say=say)
        return weights, its.text

    networks = [read(file) for file in (unlearned, brought) if file]
    return judged_spec(*asked, original=(first, how.text), unlearned=networks[0], brought=networks[1] if brought else None, seed=seed,
                       reference=reference, recipe=recipe)  # fmt: skip
