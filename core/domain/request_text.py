"""A request in words: whole classes, one person, a hundred wrong labels; and times, as people say them; pure."""

from core.domain.forget_request import ForgetRequest
from core.domain.info import DatasetInfo

MOST = 5  # names in a row


def words_of(request: ForgetRequest, data: DatasetInfo | None) -> str:
    """`class ankle boot`, `subclass beaver`, `identity 17`, `glasses`, `no glasses`, `100 mislabelled images`, `3 chosen images`.

    data: what the request is about; None where it is no longer on the shelf: then numbers stand for names.
    """
    if request.drawn and (data or request.amount >= 1):
        count = request.random_count(data.train_count if data else 0)
        return f"{count} {request.kind} image{'s' * (count != 1)}"
    if request.drawn:
        return f"{100 * request.amount:g} % of the training images, {request.kind}"
    if request.kind == "samples":
        return f"{len(request.picks)} chosen image{'s' * (len(request.picks) != 1)}"
    names = _names(request, data)
    said = [names[pick] if pick < len(names) else str(pick) for pick in request.picks]
    if request.kind == "attribute":
        column = request.column.replace("_", " ").strip() or request.column
        yes_no = [{"yes": column, "no": f"no {column}"}.get(name, "") for name in said]
        return yes_no[0] if len(said) == 1 and yes_no[0] else f"{column} {_few(said)}"
    noun, plural = ("subclass", "subclasses") if request.kind == "subclass" else ("class", "classes")
    return f"{noun if len(said) == 1 else plural} {_few(said, None if request.by_class else MOST)}"


def title_of(request: ForgetRequest, data: DatasetInfo | None) -> str:
    """For a line that names a run: classes, samples and random draws as the command line takes them, the rest in words."""
    if request.by_class and data is not None and all(pick < len(data.classes) for pick in request.picks):
        return f"{request.kind}:{','.join(data.classes[pick] for pick in request.picks)}"
    if request.kind not in ("subclass", "attribute", "mislabelled"):
        return request.text
    return words_of(request, data) + (f", seed {request.seed}" if request.drawn and request.seed else "")


def _names(request: ForgetRequest, data: DatasetInfo | None) -> tuple[str, ...]:
    if data is None or request.by_class:
        return () if data is None else data.classes
    column = data.column(request)
    return () if column is None else column.values


def _few(names: list[str], most: int | None = MOST) -> str:
    shown = names if most is None else names[:most]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(shown) < len(names) else "")
