"""Served models -> probabilities, and how far these can be trusted."""
