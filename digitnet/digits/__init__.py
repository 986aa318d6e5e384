"""Digits: data sets and their splits, and ink, which becomes what a network sees."""
