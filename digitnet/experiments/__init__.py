"""The experiments: records of networks and how they are trained, and what they cost.

Standard library only.
"""
