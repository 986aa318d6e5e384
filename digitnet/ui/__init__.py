"""What the pages share of Streamlit; the only floor that imports it."""
