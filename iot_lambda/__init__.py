"""The door over AWS IoT Core: judges what the rule wrote, and puts it into the stream."""
