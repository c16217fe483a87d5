"""What a user's own files put on the shelves, and those that could not be used, with why."""

from collections.abc import Callable

import streamlit as st

from core.domain.extension_files import extensions_folder
from core.domain.info import ExtensionInfo
from core.figures.markdown import plain
from dashboard.components.common.fragments import errors_shown
from dashboard.login.may import Barred, barred


def extensions_panel(found: tuple[ExtensionInfo, ...], reload: Callable[[], None]) -> None:
    """Folded, with a line for each extension; one that cannot be used is said above, whether or not anybody unfolds it.

    reload: reads all of them again.
    """
    for one in found:
        if one.error:
            st.warning(f"The extension {plain(one.name)} is left out: {plain(one.error)}", icon=":material/extension_off:")
        for note in one.notes:
            st.warning(f"Of the extension {plain(one.name)} a part is left out: {plain(note)}", icon=":material/extension_off:")
    usable = [one for one in found if not one.error]
    with st.expander(f"Extensions ({len(usable)})" if usable else "Extensions", icon=":material/extension:"):
        for one in usable:
            st.markdown(f"**{plain(one.name)}** · {plain(', '.join(one.keys))}")
            st.caption(f"{plain(one.file)}, {plain(one.origin)}; digest {one.digest}")
        st.markdown(
            "Methods, metrics, networks, datasets, forget requests and explainers of your own: Python files in the folder below on the "
            "server's disk, or installed packages. Nothing that is uploaded here is executed."
        )
        st.code(str(extensions_folder()), language=None)
        st.code("python -m core new method my_method\npython -m core check FILE", language="bash")
        about = "Imports all of them again, as after an installation of what one lacked. New and changed files are found without it."
        st.button("Reload", key="reload_extensions", icon=":material/refresh:", on_click=_reload, args=(reload,),
                  **(barred() or Barred(help=about)))  # fmt: skip


def _reload(reload: Callable[[], None]) -> None:
    """A callback."""
    with errors_shown(st.toast):
        reload()
