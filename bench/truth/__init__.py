"""How often `arrived` is right, and how close its time is to the truth, beside simpler methods.

    make bench-truth        (python -m bench.truth; --help names the options)

The drives use roads that were really driven, each with a noise-free track that only the benchmark
has. The rules see what a device reported of it, in the order in which it reached the service.
"""
