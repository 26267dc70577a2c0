"""The back office's HTTP API: deliveries, what is declared of them, and socket tickets."""
