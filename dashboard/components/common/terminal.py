"""What a form asks for, as a command that a terminal takes."""

import streamlit as st

LONGEST = 4000  # letters of what is shown: thousands of chosen images go into a file instead


def same_from_a_terminal(command: str, *, key: str, file: tuple[str, str] | None = None) -> None:
    """An expander with the command, which can be copied. file: name and content of a file that the command reads."""
    box = st.expander("The same from a terminal", icon=":material/terminal:", key=key, on_change="rerun")
    if not box.open:
        return
    with box:
        if len(command) > LONGEST:
            st.caption("The request names so many images that a terminal takes it from a file: write their indices into a CSV, and give it "
                       "with `--forget-file FILE.csv` in place of `--forget`.")  # fmt: skip
            return
        if file is not None:
            st.caption(f"`{file[0]}`:")
            st.code(file[1], language="toml")
        st.code(command, language="bash", wrap_lines=True)
        st.caption("In the folder of Forgetscope, with `.venv/bin/python` for `python` where the environment is not active.")
