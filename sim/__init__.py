"""What helps to develop RTDTS: local cloud, fleet, viewers. Nothing in production imports it."""
