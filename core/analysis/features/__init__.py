"""Looks into a finished run that take longer than a click: computed in a process of their own, kept, cancellable."""
