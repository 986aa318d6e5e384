"""Run folders: the interface between trainings and all that reads them."""
