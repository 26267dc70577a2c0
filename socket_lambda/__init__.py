"""The customers' socket: who may open one, and what they ask for on it."""
