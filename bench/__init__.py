"""Benchmarks: what the parts do a second, beside what a user would pick instead.

    make bench        (python -m bench; --help tells how to run a part of them)

Every figure is measured in one run with its baseline, by turns; the baselines are written as well
as ours, and their code is here.
"""
