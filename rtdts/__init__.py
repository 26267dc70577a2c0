"""The library that RTDTS's deployables share; each takes only the parts that it imports."""
