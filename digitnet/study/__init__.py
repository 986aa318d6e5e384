"""Labels and probabilities -> figures: scores, significance, curves, confusion, comparison."""
