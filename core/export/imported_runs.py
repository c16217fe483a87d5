"""What a document says of runs that were not computed on the machine that wrote it."""

from collections.abc import Mapping

NAMED = 3  # bundles


def not_computed_here(came: Mapping[str, str], count: int) -> str:
    """A sentence; '' where none came from elsewhere. came: run -> its bundle's name; count: of all runs that the document is about."""
    if not came:
        return ""
    files = list(dict.fromkeys(came.values()))
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    which = "These numbers were" if len(came) == count else f"The numbers of {len(came)} of {count} runs were"
    return (f"{which} computed elsewhere and came in the file{'s' * (len(files) > 1)} {', '.join(files[:NAMED])}{more}; nothing here has "
            "computed them again.")  # fmt: skip
