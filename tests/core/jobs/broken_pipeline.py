"""A pipeline that cannot even be imported."""

raise RuntimeError("the pipeline is broken")
