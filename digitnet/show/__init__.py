"""What a reader sees: words, HTML and Plotly figures. No Streamlit."""
