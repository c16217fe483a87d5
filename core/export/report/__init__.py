"""The report of a run and of a study: what it holds, its sections, the passport, and the file."""
