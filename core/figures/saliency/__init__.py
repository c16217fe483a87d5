"""Saliency maps over images."""
