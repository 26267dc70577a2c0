"""How often `arrived` is right, and how near to the time it was true: beside simpler ways.

    make bench-truth        (python -m bench.truth; --help names the options)

Drives over roads that were really driven, each with a noise-free track that only the benchmark
knows. The rules see what a device reported of it, in the order in which it reached the service.
"""
