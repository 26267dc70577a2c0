"""Benchmarks: the throughput of the parts, beside what a user would use instead.

    make bench        (python -m bench; --help shows how to run a part of them)

Each figure and its baseline are measured alternately in one run. The baselines are written with the
same care as our parts, and their code is here.
"""
