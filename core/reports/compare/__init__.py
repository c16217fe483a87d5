"""Runs and studies held against each other: tables, intervals of differences, a conclusion, a leaderboard."""
