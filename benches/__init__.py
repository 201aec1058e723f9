"""Measures rustcam and its peers, and writes docs/performance.md and docs/profile.md from templates in `pages/`.

A *contender* does a *workload* in a process of its own, once per *round*; all that is measured takes turns, in a random
order (`run.py`). What is kept of a run is a number per metric and round.

- A workload is measured and shown if a slot of a template names it; `contenders.py` says what its name means.
- A contender is an entry of the matrix in `contenders.py`.
- A claim is a line of a template, with a formula of `report.py` and a column of `pages/columns.txt`.
- A ratio that must not become worse (`make bench-check`) is a line of `pages/ratios.txt`.
"""
