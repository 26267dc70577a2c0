"""The HTTP API of the back office: deliveries, declarations, shares and socket tickets."""
