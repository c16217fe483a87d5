"""Reports from the numbers of runs and studies: verdict, checks, comparison, intervals; no torch."""
