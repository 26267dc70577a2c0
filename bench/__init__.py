"""Benchmarks: the throughput of the parts, beside what a user would pick instead.

    make bench        (python -m bench; --help shows how to run a part of them)

Every figure is measured in one run with its baseline, in turn. The baselines are written with the
same care as our parts, and their code is here.
"""
