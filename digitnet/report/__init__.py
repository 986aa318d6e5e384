"""What the report published, marked as such and never mixed with what is measured here."""

from digitnet.report.tables import load_report_history, load_report_scores
