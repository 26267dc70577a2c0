"""What a fleet of a given size needs in AWS, what that costs, and what breaks first.

Pure except for `deploy.capacity.facts`, which reads the three files of figures beside it, and
`__main__`. A scenario (`scenario`) determines the load (`load`), and the load determines the sizes
(`sizing`). Load and sizes determine the costs of each part (`costs_*`) and how much of each limit
is used (`limits_used`).
"""
