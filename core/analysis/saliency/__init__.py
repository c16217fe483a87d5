"""Explainers: which pixels speak for an answer, thin over Captum; and how alike two maps are, and how far to trust one."""
