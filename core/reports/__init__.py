"""What the numbers of runs and studies say: verdict, checks, comparison, intervals; no torch."""
