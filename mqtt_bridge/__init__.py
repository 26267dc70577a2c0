"""Ingests telemetry over MQTT: acknowledges a message when its points are in the stream."""
