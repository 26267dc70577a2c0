"""`mosquitto_pub` for machines that lack it: publishes one message.

    python -m tests.support.mosquitto_pub -V 5 -h HOST -p PORT -i ID -u USER -P PASSWORD -q 1 …

It supports only the options that the documents use.
"""

from __future__ import annotations

import argparse

from paho.mqtt import publish
from paho.mqtt.enums import MQTTProtocolVersion

_VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "mqttv311": MQTTProtocolVersion.MQTTv311}


def main() -> None:
    """Publishes the message in the command line."""
    parser = argparse.ArgumentParser(prog="mosquitto_pub", add_help=False)  # -h is the host
    parser.add_argument("-V", dest="version", choices=_VERSIONS, default="mqttv311")
    for option in ("h", "i", "u", "P", "t", "m"):
        parser.add_argument(f"-{option}", required=True)
    for option in ("p", "q"):
        parser.add_argument(f"-{option}", type=int, required=True)
    given = parser.parse_args()
    publish.single(
        given.t,
        given.m,
        qos=given.q,
        hostname=given.h,
        port=given.p,
        client_id=given.i,
        auth={"username": given.u, "password": given.P},
        protocol=_VERSIONS[given.version],
    )


if __name__ == "__main__":
    main()
