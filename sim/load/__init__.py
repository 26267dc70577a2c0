"""The socket load test: many customers' sockets at once, while trucks drive.

``plan`` assigns a delivery and a connect time to each socket, ``tally`` counts what the sockets
receive, ``time_series`` samples the test every second and draws it, ``report`` summarises it and
compares it with limits (all pure). ``sockets``, ``trucks`` and ``processes`` do the I/O,
``load_test`` coordinates them, ``view`` displays them.
"""
