"""Breaks of the ingest endpoints: `ingest_lambda`, `iot_lambda`, `mqtt_bridge`, `rtdts/ingest`."""

from tests.mutations.applying import DURABLE, ENTITLED, ISOLATED, RESTARTED, TIMELINE

BREAKS = {
    "rtdts/ingest/intake.py": {
        "failed-points-reported-with-the-wrong-index": DURABLE(
            "failed = [stamped.indexes[place] for place in outcome.failed]",
            "failed = list(outcome.failed)",
            "test_points_not_accepted_are_reported_by_their_index_in_the_request",
            "test_points_not_accepted_are_reported_by_their_index_in_the_body",
        ),
    },
    "mqtt_bridge/session.py": {
        "mqtt-trucks-have-no-quota": ISOLATED(
            "if self._ports.quota.is_over(one)",
            "if not one",
            "test_points_of_a_truck_over_its_quota_are_set_aside_and_those_of_others_are_put",
            "test_a_truck_that_the_consumer_has_blocked_is_set_aside",
        ),
        "mqtt-points-do-not-count-to-the-quota": ISOLATED(
            "self._ports.quota.count(batch.truck_id, accepted)",
            "pass",
            "test_points_of_a_truck_over_its_quota_are_set_aside_and_those_of_others_are_put",
        ),
        "mqtt-message-acknowledged-but-not-set-aside": DURABLE(
            "failed = tuple(range(len(batch.payloads))) if failure else ()",
            "failed = ()",
            "test_a_message_that_could_not_be_set_aside_is_tried_again",
        ),
        "mqtt-message-acknowledged-but-not-in-the-stream": DURABLE(
            "if result.failed:",
            "if result.failed and not failed:",
            "test_each_of_several_messages_that_were_not_accepted_is_put_again",
        ),
        "mqtt-unusable-message-is-not-parked": DURABLE(
            "unusable = UnusableMessage(message.payload, verdict.reason, verdict.detail)\n"
            "await self._parking.park(truck_id, unusable)",
            "await asyncio.sleep(0)",
            "test_an_unusable_message_is_parked_reported_and_acknowledged",
        ),
        "mqtt-bridge-accepts-messages-while-draining": RESTARTED(
            "if not self._is_open:\n    return",
            "pass",
            "test_messages_after_the_drain_began_are_left_to_the_next_bridge",
        ),
    },
    "rtdts/ingest/messages.py": {
        "mqtt-message-of-a-revoked-truck-accepted": ISOLATED(
            "if is_revoked(truck_id):",
            "if is_revoked(truck_id) and not truck_id:",
            "test_messages_of_a_revoked_truck_are_acknowledged_and_dropped",
        ),
        "mqtt-poison-message-ends-the-bridge": ISOLATED(
            "except Exception as error:",
            "except KeyError as error:",
            "test_an_unexpected_error_makes_only_its_own_message_unusable",
        ),
    },
    "iot_lambda/classifying.py": {
        "iot-repeated-messages-count-twice-to-the-quota": DURABLE(
            "self._quota.copy()",
            "self._quota",
            "test_a_repeated_batch_counts_towards_the_quota_once",
        ),
        "iot-trucks-have-no-quota": ISOLATED(
            "quota.wait_ms(truck_id, at_ms) > 0",
            "False",
            "test_a_truck_gets_its_quota_of_points_and_other_trucks_are_not_affected",
        ),
        "iot-message-of-a-blocked-truck-accepted": ISOLATED(
            "blocks.was_over_quota(TRUCK, truck_id, at_ms) or ",
            "",
            "test_messages_over_a_trucks_quota_are_set_aside_and_can_be_replayed",
        ),
        "iot-quota-applies-to-replayed-messages": DURABLE(
            "is_fresh = abs(record.arrived_at_ms - at_ms) <= FRESH_MS",
            "is_fresh = True",
            "test_messages_over_a_trucks_quota_are_set_aside_and_can_be_replayed",
        ),
        "iot-points-stamped-with-the-lambdas-clock": TIMELINE(
            "received_at_ms=message.received_at_ms,",
            "received_at_ms=self._now_ms(),",
            "test_points_are_as_over_http_with_the_time_of_the_rule_as_receipt",
        ),
    },
    "mqtt_bridge/quota.py": {
        "mqtt-message-of-a-blocked-truck-accepted": ISOLATED(
            "return self._blocks().over_quota(TRUCK, truck_id, now_ms) is not None",
            "return False",
            "test_a_truck_that_the_consumer_has_blocked_is_set_aside",
        ),
    },
    "mqtt_bridge/parking_queue.py": {
        "every-unusable-message-is-its-own-object": ISOLATED(
            "if waiting is None or truck_id is None or (not waiting.fits(message)):",
            "if waiting is None or waiting.messages:",
            "test_a_truck_that_sends_unusable_messages_without_end_takes_one_parking_at_a_time",
        ),
        "one-truck-occupies-all-parking-writes": ISOLATED(
            "if before is not None:",
            "if before is self:",
            "test_large_messages_share_no_object_and_are_written_one_after_the_other",
        ),
        "messages-without-a-truck-wait-for-each-other": ISOLATED(
            "before = None if truck_id is None else self._last.get(truck_id)",
            "before = self._last.get(truck_id)",
            "test_messages_that_name_no_truck_are_parked_concurrently_up_to_a_limit",
        ),
    },
    "mqtt_bridge/batching.py": {
        "put-for-one-truck-is-unlimited": ISOLATED(
            "if messages and points > free_points:",
            "if False:",
            "test_many_points_of_a_truck_are_divided_among_puts_without_a_wait_between_them",
        ),
        "put-for-many-trucks-is-unlimited": ISOLATED(
            "free_points -= sum(map(self._points, due[truck_id]))",
            "free_points -= 0",
            "test_a_put_has_at_most_the_points_allowed_per_truck_and_the_rest_wait_for_the_next",
        ),
        "mqtt-failed-messages-lose-their-order": DURABLE(
            "truck.waiting.extendleft(reversed(failed))",
            "truck.waiting.extend(failed)",
            "test_failed_messages_are_put_again_before_later_ones",
        ),
    },
    "iot_lambda/batches.py": {
        "iot-batch-repeated-from-the-last-failure": DURABLE(
            "first = min(undone, default=None)",
            "first = max(undone, default=None)",
            "test_each_truck_that_failed_is_delivered_again",
        ),
        "iot-message-not-in-the-stream-counts-as-done": DURABLE(
            "if result.failed}",
            "if not result.accepted}",
            "test_a_message_that_was_accepted_in_part_is_delivered_again",
        ),
        "iot-message-not-parked-counts-as-done": DURABLE(
            "if not _is_parked(parking)}",
            "if parking.cancelled()}",
            "test_a_message_that_could_not_be_parked_is_delivered_again",
        ),
    },
    "rtdts/ingest/device_messages.py": {
        "iot-broken-record-blocks-its-shard": ISOLATED(
            "except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:",
            "except msgspec.ValidationError as error:",
            "test_a_record_that_was_not_written_by_the_rule_is_parked",
        ),
    },
    "iot_lambda/enrollment.py": {
        "iot-claim-certificate-enrolls-any-truck": ISOLATED(
            "and enrollments.bind(",
            "or enrollments.bind(",
            "test_another_trucks_secret_gives_no_certificate",
        ),
    },
    "iot_lambda/public_keys.py": {
        "iot-secret-valid-for-one-certificate-only": ISOLATED(
            "return hashlib.sha256(key).hexdigest()",
            "return hashlib.sha256(der).hexdigest()",
            "test_after_a_power_loss_a_device_gets_another_certificate_only_for_its_own_key",
        ),
    },
    "mqtt_bridge/broker_client.py": {
        "bridge-sessions-never-expire": DURABLE(
            "properties.SessionExpiryInterval = self._session_expiry_s",
            "properties.SessionExpiryInterval = 0xFFFFFFFF",
            "test_messages_of_ended_bridge_sessions_are_delivered_again",
        ),
    },
    "ingest_lambda/service.py": {
        "request-with-rejected-points-is-not-always-logged": DURABLE(
            "and (not result.rejected) and",
            "and",
            "test_a_request_with_any_problem_is_always_logged",
        ),
        "http-trucks-have-no-quota": ISOLATED(
            "requests=1, points=0, now_ms=received_at_ms",
            "requests=0, points=0, now_ms=received_at_ms",
            "test_requests_beyond_the_burst_are_429_until_the_quota_allows_more",
        ),
        "http-request-of-a-blocked-truck-accepted": ISOLATED(
            "blocked_ms = block.until_ms - now_ms if block is not None else 0",
            "blocked_ms = 0",
            "test_a_truck_that_the_consumer_blocked_is_429_until_the_block_ends",
        ),
        "revoked-token-may-still-send-points": ENTITLED(
            "if blocks.revoking(TRUCK, truck_id, sender.token, now_ms) is not None:",
            "if blocks is None:",
            "test_a_revoked_token_is_401_with_error_invalid_token",
        ),
        "requests-that-are-no-trucks-fill-the-log": ISOLATED(
            "if self._lines.allows('', self._now_ms()):",
            "if True:",
            "test_requests_of_other_roles_are_logged_at_a_limited_rate",
        ),
        "quota-checked-after-reading-the-body": ISOLATED(
            "truck_id = sender.truck_id",
            "truck_id = sender.truck_id\nread_body()",
            "test_the_body_of_a_truck_over_its_quota_is_not_unpacked",
        ),
    },
    "ingest_lambda/phones.py": {
        "phone-chooses-its-truck": ENTITLED(
            "if device is None or device.truck_id != truck_id:",
            "if device is None:",
            "test_a_secret_of_one_truck_is_not_accepted_for_another",
        ),
        "phone-secret-accepted-in-a-url": ENTITLED(
            "if event.get('rawQueryString'):",
            "if event.get('rawQuery'):",
            "test_a_url_with_a_query_is_rejected_even_with_a_good_body",
        ),
        "bad-position-is-resent-by-a-phone-for-ever": ISOLATED(
            "_DO_NOT_RESEND = (HTTPStatus.ACCEPTED, HTTPStatus.BAD_REQUEST)",
            "_DO_NOT_RESEND = (HTTPStatus.ACCEPTED,)",
            "test_a_permanently_invalid_message_is_200_and_delays_nothing",
            "test_owntracks_other_messages_are_200_too",
        ),
        "phones-failed-request-reported-as-accepted": DURABLE(
            "if handled.response['statusCode'] not in _DO_NOT_RESEND:",
            "if handled.fields is None:",
            "test_a_message_that_the_stream_did_not_accept_is_503_so_that_it_is_sent_again",
        ),
        "guesses-of-a-phones-secret-fill-the-log": ISOLATED(
            "if not self._lines.allows('', self._now_ms()):",
            "if self._lines is None:",
            "test_guesses_are_logged_at_a_limited_rate",
        ),
        "phones-body-is-unlimited": ISOLATED(
            "MAX_BODY_BYTES: Final = 65536",
            "MAX_BODY_BYTES: Final = 6553600",
            "test_a_body_over_the_limit_is_413",
        ),
    },
    "ingest_lambda/settings.py": {
        "put-to-a-full-shard-occupies-lambdas": ISOLATED(
            "default=2.5,", "default=20.0,", "test_attempts_to_put_end_before_the_lambdas_timeout"
        ),
    },
    "rtdts/ingest/packed_bodies.py": {
        "gzip-bomb-is-unpacked": ISOLATED(
            "unpacking.decompress(packed, max_bytes + 1)",
            "unpacking.decompress(packed)",
            "test_a_gzip_bomb_is_never_unpacked_beyond_the_limit",
        ),
    },
}
