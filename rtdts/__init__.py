"""The packages that RTDTS's deployables share. A deployable contains only those that it imports."""
