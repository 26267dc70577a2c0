"""The door for telemetry over AWS IoT Core: judges what the rule wrote, and puts it in the stream."""
