"""Measures rustcam and its peers, and writes docs/performance.md and docs/profile.md.

A *contender* does a *workload* in a process of its own, once per *round*; all contenders of a round run in a random
order (`run.py`). What a run keeps is one number per metric and round (`summary.py`); samples are not kept.

To add a workload, add a line to `workloads.py`. To add a contender, add a class to `contenders.py`. To add a claim, add
an entry to the list of its platform, `linux_claims.py` or `windows_claims.py`. A table shows a workload where the
template in `pages/` names it. A ratio that must not become worse is a line in `ratios.py`.
"""
