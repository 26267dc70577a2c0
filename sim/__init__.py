"""What helps to develop RTDTS: a local cloud, a fleet, viewers. Nothing in production imports it."""
