"""The local cloud's MQTT broker: ActiveMQ Artemis, embedded in a launcher of ours."""
