"""Baselines that were made for single images, whose classes stay."""
