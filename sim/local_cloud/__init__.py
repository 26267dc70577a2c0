"""The whole system on one machine, built from real parts and supervised."""
