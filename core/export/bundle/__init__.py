"""Bundles: runs and studies in one file, a zip that is a valid RO-Crate; written, checked, and brought into another home."""
