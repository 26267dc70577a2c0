"""Breaks of tools of operators and developers: `operations/`, `deploy/`, `sim/`, `bench/`."""

from tests.mutations.applying import DURABLE, ENTITLED, ERASED, ISOLATED, TIMELINE

BREAKS = {
    "operations/replay_set_aside.py": {
        "set-aside-batches-deleted-after-a-failed-replay": DURABLE(
            "if report.failed:\n    break",
            "if report.failed and dry_run:\n    break",
            "test_a_batch_that_is_not_completely_accepted_stays_and_ends_the_replay",
        ),
    },
    "deploy/terraform/modules/iot_ingest/rules/telemetry.sql": {
        "iot-rule-forwards-only-json": DURABLE(
            "encode(*, 'base64') AS payload",
            "* AS payload",
            "test_our_rule_writes_truck_id_time_and_the_unchanged_payload",
        ),
    },
    "operations/replay_failed_messages.py": {
        "iot-replay-deletes-messages-not-put": DURABLE(
            "stores.queue.delete(done)",
            "stores.queue.delete([message for message, _ in records])",
            "test_a_message_that_the_stream_rejects_stays_until_it_accepts_it",
        ),
    },
    "deploy/terraform/modules/iot_ingest/truck_policy.json": {
        "iot-truck-may-send-as-any-other": ISOLATED(
            "trucks/$${iot:Connection.Thing.ThingName}/telemetry",
            "trucks/*/telemetry",
            "test_a_truck_may_only_send_as_itself_on_its_own_topic_and_receive_nothing",
        ),
    },
    "bench/truth/timeline.py": {
        "timeline-ignores-the-cause-of-a-declared-status": TIMELINE(
            "machine = initial_machine(one.status, one.cause)",
            "machine = initial_machine(one.status, None)",
            "test_a_transferred_delivery_is_in_transit_again_only_far_from_its_destination",
        ),
    },
    "deploy/run_operation.py": {
        "secret-printed-where-output-is-logged": ENTITLED(
            "if args.operation[:2] == ['device', 'add']:",
            "if args.operation[:2] == ['devices', 'add']:",
            "test_a_command_that_prints_a_secret_is_not_run_where_its_output_is_logged",
        ),
    },
    "operations/erase_customer.py": {
        "documents-erased-before-the-tombstones": ERASED(
            "if not delivery.is_tombstone:",
            "if False:",
            "test_a_customer_is_erased_everywhere_and_another_customer_nowhere",
        ),
        "customers-erasure-misses-concurrent-writes": ERASED(
            "stores.sleep(WRITTEN_WITHIN_S)",
            "pass",
            "test_documents_in_flight_during_a_customers_erasure_are_erased_too",
        ),
    },
    "operations/erase_truck.py": {
        "erasure-leaves-the-buckets": ERASED(
            "console, broken, dry_run=False)",
            "console, broken, dry_run=True)",
            "test_a_truck_is_erased_everywhere_and_another_truck_nowhere",
        ),
    },
    "operations/erasing.py": {
        "erasure-is-not-verified": ERASED(
            "if not left:\n    return erased",
            "return erased",
            "test_documents_that_keep_coming_are_reported_and_fail_the_erasure",
            "test_documents_written_meanwhile_are_erased_in_the_next_round",
        ),
    },
    "operations/replay_parked.py": {
        "parked-record-removed-after-a-failed-put": DURABLE(
            "if name not in still:",
            "if True:",
            "test_only_accepted_records_are_removed_and_a_second_run_replays_the_rest",
        ),
        "parked-object-removed-after-a-failed-slice": DURABLE(
            "left += some",
            "left = some",
            "test_an_object_stays_when_the_stream_did_not_accept_one_of_its_slices",
        ),
        "points-of-one-object-are-put-at-once": ISOLATED(
            "BATCH_RECORDS = 500",
            "BATCH_RECORDS = 10_000",
            "test_many_points_of_one_object_are_replayed_in_slices_at_the_rate_limit",
        ),
    },
    "sim/local_cloud/socket_gateway/signature.py": {
        "gateway-accepts-any-signature": ENTITLED(
            "return None if hmac.compare_digest(right, signature) else Unsigned.WRONG",
            "return None",
            "test_a_signature_with_another_key_secret_or_region_is_invalid",
            "test_the_signature_of_a_changed_or_old_request_is_invalid",
        ),
    },
    "sim/local_cloud/socket_gateway/catalog.py": {
        "gateway-treats-an-unreadable-api-as-missing": ISOLATED(
            "except client.exceptions.NotFoundException:",
            "except Exception:",
            "test_a_socket_gets_a_500_if_its_api_cannot_be_read",
        ),
    },
    "sim/local_cloud/socket_gateway/gateway.py": {
        "gateway-leaves-a-handshake-without-a-response": ISOLATED(
            "admitted = SERVER_ERROR",
            "raise",
            "test_a_socket_gets_a_500_if_its_api_cannot_be_read",
        ),
        "gateway-does-not-limit-posts-per-connection": ISOLATED(
            "not one.posts.try_acquire(self._loop.time()) or",
            "",
            "test_posts_beyond_a_connections_rate_are_throttled_for_that_connection_only",
        ),
        "gateway-waits-for-a-client-that-does-not-read": ISOLATED(
            "or one.socket.waiting_bytes > settings.client_buffer_bytes",
            "or False",
            "test_posts_to_a_client_that_does_not_read_are_throttled",
        ),
    },
}
