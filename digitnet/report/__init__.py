"""What the report published, marked as such and never mixed with what is measured here."""
