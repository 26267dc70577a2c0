"""Ingests telemetry from AWS IoT Core: validates messages and puts their points into the stream."""
