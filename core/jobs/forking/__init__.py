"""The server that processes of runs and analyses are forked from, and what it imports first."""
