"""A form for any method, from the parameters that it declares."""

import streamlit as st

from core.domain.hyperparameters import Param, Value
from core.domain.info import MethodInfo
from dashboard.session import follows

BY_NUMBER = "number"


def main_setting(method: MethodInfo, preset: dict[str, Value]) -> str:
    """The one that decides most, of those that a search would choose; '' where a search does, or where there is none."""
    searched = [p.name for p in method.params if p.searched]
    if searched and preset.get("settings") == "auto":
        return ""
    return next(iter(searched or [p.name for p in method.params]), "")


def method_form(method: MethodInfo, preset: dict[str, Value], only: str | None = None, *, fixed: bool = False) -> dict[str, Value]:
    """Widgets in the order of declaration, set to the preset; the values by name.

    They are bound to the address. Where a preset changes (with the dataset, the model or the request), a param that still
    stood at the old one follows; what was typed stays. only: the one that has a widget; the others stay at the preset. fixed: the
    preset is shown, and cannot be changed.
    """
    values: dict[str, Value] = {}
    cells = st.grid(2, min_column_width=180)
    for p in method.params:
        if only is not None and p.name != only:
            values[p.name] = preset[p.name]
            continue
        idle = p.idle(values)
        with cells.cell():
            if fixed:
                st.text_input(_label(p), "–" if idle else f"{preset[p.name]}", disabled=True)
                values[p.name] = preset[p.name]
            else:
                values[p.name] = param_widget(p, preset[p.name], f"{method.key}.{p.name}", idle=idle)
    for p in method.params:
        if note := p.note(values[p.name]):
            st.warning(note, icon=":material/warning:")
    return values


def _label(p: Param) -> str:
    return f"{p.name.replace('_', ' ')} ({p.symbol})" if p.symbol else p.name.replace("_", " ")


def param_widget(p: Param, preset: Value, key: str, *, idle: bool) -> Value:
    """A widget that stands at the preset until somebody sets it; bound to the address. idle: it has no effect beside the others."""
    label = _label(p)
    hint = f"{p.help} Allowed: {p.wanted}." + (f" Only with {p.when[0]} = {' or '.join(p.when[1:])}." if p.when else "")
    if p.choices:
        follows(key, preset)
        index = p.choices.index(str(preset))
        return st.selectbox(label, p.choices, index, help=hint, key=key, bind="query-params", disabled=idle)
    if p.words:
        ways = (*p.words, BY_NUMBER)
        default = str(preset) if preset in p.words else BY_NUMBER
        follows(f"{key}.by", default)
        way = st.segmented_control(
            label, ways, default=default, help=hint, key=f"{key}.by", required=True, bind="query-params", disabled=idle,
        )
        if way in p.words:
            return str(way)
        return _number(p, preset if preset not in p.words else 1.0, f"{label}, value", None, key, idle)
    return _number(p, preset, label, hint, key, idle)


def _number(p: Param, preset: Value, label: str, hint: str | None, key: str, idle: bool) -> Value:
    """Without bounds: Streamlit would keep the last good value in silence; whoever reads the form says what is wrong."""
    kind = int if p.whole else float
    step = kind(1) if p.whole else _step(float(preset))
    follows(key, kind(preset))
    value = st.number_input(
        label, None, None, kind(preset), step, format=None if p.whole else p.format, help=hint, key=key, disabled=idle,
        bind="query-params",
    )  # fmt: skip
    return preset if value is None else value


def _step(value: float) -> float:
    """A tenth of the value's size: 0.002 for 0.02, 0.1 for 4.3."""
    return 10.0 ** (len(str(int(value))) - 2) if value >= 1 else max(value / 10, 1e-6)
