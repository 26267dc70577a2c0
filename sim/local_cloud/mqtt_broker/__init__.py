"""The local cloud's MQTT broker: ActiveMQ Artemis, embedded in our own launcher."""
