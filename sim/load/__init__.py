"""The socket load test: many customers' sockets at once, while trucks drive.

``plan`` says who sits where and when each connects, ``tally`` counts what the sockets tell,
``report`` sums it up and weighs it against limits (all pure); ``sockets`` and ``trucks`` act,
``load_test`` holds them together, ``view`` shows.
"""
