"""Trainings in the background: a queue, a worker, processes, and what a training will cost."""
