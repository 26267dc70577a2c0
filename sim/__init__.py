"""Development tools: local cloud, simulated fleet and viewers. No product code imports it."""
