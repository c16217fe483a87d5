"""A method's card as text: Markdown with formulas."""

from pathlib import Path

from core.domain.info import MethodInfo

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "methods"


def text_of(method: MethodInfo) -> tuple[str, str]:
    """(the card's first paragraph, the rest); the method's own line where it has no card."""
    file = FOLDER / f"{method.key}.md"
    if not file.is_file():
        return method.about, ""
    plain_words, _, rest = file.read_text().partition("\n## ")
    return plain_words.strip(), rest and f"#### {rest}".replace("\n## ", "\n#### ").strip()
