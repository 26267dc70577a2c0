"""The socket load test: many customers' sockets at once, while trucks drive.

``plan`` says who sits where and when each connects, ``tally`` counts what the sockets tell,
``course`` notes its course and draws it, ``report`` sums it up and weighs it against limits (all
pure); ``sockets``, ``trucks`` and ``processes`` act, ``load_test`` holds them together, ``view``
shows.
"""
