"""What a fleet of so many trucks needs in AWS, what that costs, and what breaks first.

Pure but for `deploy.capacity.facts`, which reads the three files of figures beside it, and
`__main__`. From a scenario (`scenario`) follows the load (`load`), from the load the sizes
(`sizing`), from both the costs of each part (`costs_*`) and how much of each limit is used
(`limits_used`).
"""
