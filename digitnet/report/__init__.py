"""What the report published, marked as such and never mixed with what is measured here."""

from digitnet.report.tables import find_report_epochs, load_report_history, load_report_scores
