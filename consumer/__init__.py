"""The consumer: the Amazon KCL's record processor, one process a shard, and its daemon."""
