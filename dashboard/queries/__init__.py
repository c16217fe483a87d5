"""Cached reads of the store, and questions to the engine: no other package of the dashboard opens the database to read.

`runs` has what a run stored (`runs.handle`), `run_list` the list of runs, `comparisons` many runs at once, `studies`, `catalogue`
what can be chosen, `background` background analyses, `engine` the engine process.
"""
