"""The consumer: the Amazon KCL's record processor, one process per shard, and its daemon."""
