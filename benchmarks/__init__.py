"""Speed, memory and accuracy, measured.

`python -m benchmarks` runs all of speed and memory, `python -m benchmarks.NAME` one; each says by
`--help` what it measures.
"""
