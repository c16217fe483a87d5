"""How the original and the reference are trained: the usual recipe, folded, of which each part can be set."""

from typing import Any

import streamlit as st

from core.domain.hyperparameters import Value
from core.domain.info import DatasetInfo
from core.domain.run import RunSpec, recipe_text
from core.domain.training.own_recipe import own_recipe, preset_recipe, usual_recipe
from core.domain.training.recipes import RECIPE, parsed_recipe
from core.figures.markdown import plain
from core.jobs.validation import RECIPE_PANEL
from dashboard.components.common.fragments import errors_shown
from dashboard.components.forms.method_form import param_widget


def on_form(spec: RunSpec, data: DatasetInfo) -> dict[str, Value]:
    """The state of the form's widgets, by key, with which it asks for the run's recipe, whatever stood there before."""
    preset = preset_recipe(spec.dataset, spec.model)
    shown = preset | parsed_recipe(spec.recipe)
    usual = preset | usual_recipe(data, spec.model)  # which `follows` else takes the values for
    return {f"recipe.{name}": value for name, value in shown.items()} | {f"_preset.recipe.{name}": value for name, value in usual.items()}


def recipe_form(data: DatasetInfo, model: str) -> dict[str, Any] | None:
    """What of it is not the preset's, as a RunSpec has it; None, with a sentence, while a part is out of its bounds."""
    usual, values = usual_recipe(data, model), dict[str, Any]()
    preset = preset_recipe(data.key, model) | usual
    with st.expander(RECIPE_PANEL, icon=":material/model_training:"):
        stands = "the preset of this dataset and network"
        if usual:
            stands = (f"the preset of this network, made for larger datasets, with more epochs: {preset['epochs']} of these "
                      f"{data.train_count:,} images make as many steps as a network needs to learn them")  # fmt: skip
        st.caption(f"Of the original and the reference. As it stands it is {stands}; what you change makes other networks, which are "
                   "trained first.")  # fmt: skip
        cells = st.grid(2, min_column_width=180)
        for part in RECIPE:
            with cells.cell():
                values[part.name] = param_widget(part, preset[part.name], f"recipe.{part.name}", idle=part.idle(preset | values))
    with errors_shown():
        own = own_recipe(data.key, model, values)
        if own != usual:
            st.caption(f":material/model_training: Trained by a recipe of your own: {plain(recipe_text(own)) or 'the preset as it is'}")
        return own
    return None
