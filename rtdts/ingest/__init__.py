"""Decodes, validates, stamps and puts points into the stream: shared by all ingest endpoints.

An endpoint passes each body to ``Intake.ingest`` and turns the ``IngestResult`` into a response of
its own protocol.
"""
