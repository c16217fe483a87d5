"""Imported by the fork server: hashes the engine's sources once, so that the processes of runs need not do it again."""

from core.domain.code_version import shared_version

shared_version("", "")  # no dataset or model of that name: what all runs have in common is hashed
