"""Breaks of stores, queues, the stream and shared runtime code: `rtdts/`, without its rules."""

from tests.mutations.applying import DURABLE, ENTITLED, ERASED, ISOLATED, LATEST, MINUTE, TIMELINE

BREAKS = {
    "rtdts/telemetry_stream/putter.py": {
        "partial-put-is-ignored": DURABLE(
            "failed = [record for record, code in zip(records, codes, strict=True) if code]",
            "failed: list[_Record] = []",
            "test_only_the_failed_records_of_a_call_are_put_again",
            "test_only_payloads_that_fail_until_the_deadline_are_reported_as_failed",
        ),
        "all-records-put-again-after-a-partial-failure": DURABLE(
            "failed = [record for record, code in zip(records, codes, strict=True) if code]",
            "failed = list(records) if any(codes) else []",
            "test_only_the_failed_records_of_a_call_are_put_again",
        ),
        "put-retried-after-its-deadline": DURABLE(
            "if attempts and deadline.passed:",
            "if not attempts and deadline.passed:",
            "test_only_the_first_call_of_a_put_may_begin_after_the_deadline",
        ),
        "all-trucks-share-one-partition-key": DURABLE(
            "'PartitionKey': record.truck_id}",
            "'PartitionKey': 'trucks'}",
            "test_a_request_is_one_record_with_the_truck_as_its_key",
        ),
    },
    "rtdts/delivery_store/enrollments.py": {
        "iot-secret-valid-for-any-key": ISOLATED(
            "OR key_hash = :key)",
            "OR key_hash <> :truck)",
            "test_a_secret_is_valid_only_for_its_truck_and_its_first_key",
        ),
    },
    "rtdts/position_store/bulk.py": {
        "busy-store-treated-as-a-bad-document": DURABLE(
            "is_own_fault = status == 400 and",
            "is_own_fault = 400 <= status < 500 and",
            "test_each_item_has_its_own_result",
        ),
        "points-parked-for-the-stores-own-faults": DURABLE(
            "status == 400 and error.get('type') not in STORES_OWN_FAULTS",
            "status == 400",
            "test_the_type_of_a_bad_requests_error_decides_its_result",
        ),
    },
    "rtdts/runtime/metric_sums.py": {
        "failed-points-counted-too-late": DURABLE(
            "if at_once or now_s - self._written_s >= self._every_s:",
            "if now_s - self._written_s >= self._every_s:",
            "test_a_failure_is_written_at_once_with_the_values_before_it",
            "test_points_that_were_not_accepted_are_emitted_at_once_with_all_counts_before_them",
        ),
        "metric-sums-counted-twice": DURABLE(
            "self._sums = Counter()", "pass", "test_no_value_is_counted_twice_or_lost"
        ),
    },
    "rtdts/position_store/index_definitions.py": {
        "raw-log-without-a-replica": DURABLE(
            "(RAW_PATTERN, RAW_MAPPINGS, {**_DURABLE, **_SEARCHED}),",
            "(RAW_PATTERN, RAW_MAPPINGS, {'number_of_replicas': '0', **_SEARCHED}),",
            "test_every_index_has_a_replica_where_there_is_a_second_node",
        ),
    },
    "rtdts/position_store/writer.py": {
        "older-point-overwrites-the-latest": LATEST(
            "version=external_version(latest),",
            "version=2**62,",
            "test_a_latest_position_is_written_with_its_external_version",
        ),
        "provisional-write-overwrites-a-settled-one": TIMELINE(
            "PROVISIONAL = 1",
            "PROVISIONAL = 1 << 62",
            "test_a_provisional_document_replaces_nothing_that_was_settled",
            "test_the_log_folds_to_the_timeline_with_any_disturbance",
        ),
        "repeated-write-of-the-latest-position-conflicts": ERASED(
            "version=external_version(latest), version_type='external_gte'",
            "version=external_version(latest), version_type='external'",
            "test_a_latest_position_is_written_with_its_external_version",
        ),
    },
    "rtdts/position_store/documents.py": {
        "latest-position-ordered-by-arrival": LATEST(
            "return latest.newest.event_at_ms * REVISIONS",
            "return latest.newest.received_at_ms * REVISIONS",
            "test_a_late_point_has_the_lower_version",
        ),
        "shown-position-has-the-newest-points-deliveries": TIMELINE(
            "if shown is newest and latest.shown_deliveries == latest.deliveries:",
            "if shown is newest:",
            "test_a_newest_point_shown_with_other_deliveries_is_decoded_as_it_was_encoded",
        ),
        "derived-values-stored-as-sent-ones": TIMELINE(
            "return msgspec.structs.replace(fix, **unsent) if unsent else fix",
            "return fix",
            "test_a_document_of_the_history_decodes_to_exactly_the_encoded_fix",
        ),
    },
    "rtdts/delivery_store/deliveries.py": {
        "former-trucks-transition-is-written": TIMELINE(
            "'version = :version AND truck_id = :truck'",
            "'version = :version OR truck_id = :truck'",
            "test_a_writer_with_an_outdated_truck_conflicts",
        ),
        "log-of-an-open-delivery-expires": TIMELINE(
            "if after.closed_at_ms is None:\n    return None",
            "pass",
            "test_the_log_of_a_delivery_expires_as_a_whole_only_once_it_is_closed",
            "test_an_open_delivery_and_its_log_never_expire",
        ),
        "erased-delivery-created-again": ERASED(
            "if before is None and ERASED_ATTRIBUTE in (self._item(after.delivery_id) or {}):",
            "if False:",
            "test_an_erased_delivery_is_not_created_again_by_a_repeated_plan",
        ),
    },
    "rtdts/delivery_store/transactions.py": {
        "transaction-repeated-under-another-token": TIMELINE(
            "ClientRequestToken=token",
            "ClientRequestToken=str(uuid.uuid4())",
            "test_a_temporary_failure_is_retried_with_the_same_token",
        ),
    },
    "rtdts/delivery_store/appends.py": {
        "delivery-row-ahead-of-its-log": TIMELINE(
            "status=events[-1].status,",
            "status=row.status,",
            "test_each_transaction_fits_and_its_row_is_the_fold_of_the_log_up_to_it",
        ),
        "transaction-larger-than-dynamodb-allows": ISOLATED(
            "position - start == MAX_EVENTS_TOGETHER or size_bytes > free_bytes",
            "size_bytes > free_bytes",
            "test_each_transaction_fits_and_its_row_is_the_fold_of_the_log_up_to_it",
        ),
    },
    "rtdts/delivery_store/known_devices.py": {
        "every-guess-of-a-phones-secret-is-looked-up": ISOLATED(
            "self._guesses.spend(address, 1, begun_at_ms)\nself._keep_unknown",
            "self._guesses.spend(key, 1, begun_at_ms)\nself._keep_unknown",
            "test_guesses_from_one_address_are_read_up_to_a_limit",
            "test_guesses_beyond_the_limit_are_429_without_a_database_read",
        ),
        "guesses-lock-out-known-phones": ISOLATED(
            "if known is None and (wait_ms := self._guesses",
            "if (wait_ms := self._guesses",
            "test_guesses_block_neither_cached_devices_nor_other_addresses",
        ),
        "malformed-secret-is-looked-up": ISOLATED(
            "if not is_secret(secret):",
            "if not secret:",
            "test_a_malformed_secret_is_rejected_without_a_read",
            "test_a_secret_of_the_wrong_form_is_401_without_a_database_read",
        ),
        "revoked-device-accepted-for-a-minute": ENTITLED(
            "READ_EVERY_S: Final = 10.0",
            "READ_EVERY_S: Final = 60.0",
            "test_a_revoked_device_is_unknown_within_ten_seconds",
            "test_a_revoked_device_is_401_within_ten_seconds",
        ),
    },
    "rtdts/delivery_store/block_list.py": {
        "block-list-read-only-every-minute": ENTITLED(
            "READ_EVERY_S: Final = 10.0",
            "READ_EVERY_S: Final = 60.0",
            "test_a_block_is_respected_within_15_s",
            "test_an_open_socket_is_shown_nothing_more_15_s_after_the_revocation",
        ),
        "outdated-blocks-used-after-a-quiet-minute": ENTITLED(
            "blocking=self._is_due(_USABLE_FOR_S)",
            "blocking=self._read_at_ms is None",
            "test_no_thread_uses_a_list_from_before_the_process_was_idle",
        ),
    },
    "rtdts/delivery_store/blocked_identities.py": {
        "one-unreadable-item-lifts-all-blocks": ENTITLED(
            "except FOREIGN_ITEM_ERRORS as error:",
            "except AssertionError as error:",
            "test_an_unreadable_item_lifts_no_other_block",
        ),
    },
    "rtdts/delivery_store/devices.py": {
        "secret-stored-unhashed": ENTITLED(
            "return hashlib.sha256(secret.encode()).hexdigest()",
            "return secret",
            "test_only_the_hash_of_a_secret_is_stored",
        ),
        "secrets-too-short": ENTITLED(
            "SECRET_LENGTH: Final = 26",
            "SECRET_LENGTH: Final = 12",
            "test_secrets_have_at_least_128_bits_and_are_never_the_same",
        ),
    },
    "rtdts/delivery_store/matches.py": {
        "change-of-stops-has-no-time": ENTITLED(
            "f'SET {_CHANGED_AT} = :at REMOVE matches.#delivery'",
            "'REMOVE matches.#delivery'",
            "test_a_trucks_stops_have_their_order_and_the_time_of_their_last_change",
        ),
    },
    "rtdts/delivery_store/batches.py": {
        "right-read-without-strong-consistency": ENTITLED(
            "'ConsistentRead': True",
            "'ConsistentRead': False",
            "test_a_request_takes_a_hundred_keys_and_reads_consistently",
        ),
    },
    "rtdts/delivery_store/tickets.py": {
        "ticket-never-expires": ENTITLED(
            "'expires_at_ms > :now'",
            "'attribute_exists(ticket_hash) OR expires_at_ms > :now'",
            "test_an_expired_ticket_is_invalid",
        ),
    },
    "rtdts/telemetry_stream/parked_records.py": {
        "points-beyond-a-quota-stay-parked": DURABLE(
            "self.body.split(b'\\n') if self.reason == OVER_QUOTA else [self.body]",
            "[self.body]",
            "test_messages_beyond_a_trucks_quota_are_replayed_point_by_point",
        ),
        "erasure-does-not-decode-parked-messages": ERASED(
            "several_payloads(self.body) if self.reason == SEVERAL else self.records",
            "self.records",
            "test_a_truck_is_erased_from_parked_messages_of_another_truck",
        ),
    },
    "rtdts/runtime/rate_limits.py": {
        "many-other-callers-restore-a-spent-burst": ISOLATED(
            "kept.sort(key=lambda one: one[1])",
            "pass",
            "test_many_other_keys_do_not_restore_a_spent_burst",
        ),
    },
    "rtdts/runtime/origins.py": {
        "origin-with-an-allowed-prefix-is-accepted": ENTITLED(
            "return len(sent) == 1 and sent[0] in self._allowed",
            "return len(sent) == 1 and sent[0].startswith(self._allowed)",
            "test_no_other_page_is_allowed",
        ),
    },
    "rtdts/delivery_store/subscriptions.py": {
        "renewed-subscription-removed-with-the-old-one": MINUTE(
            "'subscribed_at_ms = :time', read.topic",
            "'subscribed_at_ms > :time', read.topic",
            "test_a_subscription_renewed_since_it_was_read_is_not_removed",
        ),
        "overtaken-fleet-view-replaces-the-newer-one": MINUTE(
            "'attribute_not_exists(topic) OR subscribed_at_ms <= :time'",
            "'attribute_not_exists(topic) OR subscribed_at_ms <> :time'",
            "test_an_older_subscription_never_replaces_a_newer_one",
        ),
    },
    "rtdts/push_queue/due_buckets.py": {
        "buckets-not-deduplicated-across-senders": MINUTE(
            "return f'{self.bucket}:{self.due_at_ms}'",
            "return f'{self.bucket}:{self.due_at_ms}:{id(self)}'",
            "test_each_bucket_runs_once_per_round_on_one_of_two_broadcasters",
            "test_each_bucket_of_a_round_is_received_once_however_often_it_was_sent",
        ),
    },
    "rtdts/push_queue/nudges.py": {
        "snapshots-of-a-delivery-wait-for-each-other": ISOLATED(
            "return f'{self.connection_id}:{self.delivery_id}'",
            "return self.delivery_id",
            "test_a_nudge_has_its_message_group_and_its_own_deduplication_id",
        ),
    },
    "rtdts/delivery_store/socket_limits.py": {
        "concurrent-sockets-exceed-their-limit": ISOLATED(
            "OR open_sockets < :max_sockets)",
            "OR :max_sockets = :max_sockets)",
            "test_the_oldest_socket_is_named_for_replacement_beyond_the_limit",
        ),
    },
    "rtdts/position_store/erasure.py": {
        "erasure-skips-the-raw-log": ERASED(
            "for pattern in BY_QUERY:",
            "for pattern in BY_QUERY[1:]:",
            "test_all_documents_of_a_truck_are_erased_and_none_of_another",
        ),
        "documents-deleted-without-a-tombstone": ERASED(
            "if self._write_tombstone(truck_id, now_ms):\n    yield (STATE_INDEX, 1)",
            "pass",
            "test_a_consumer_with_the_state_in_its_cache_restores_no_erased_point",
        ),
        "erased-delivery-stays-in-the-trucks-state": ERASED(
            "state.deliveries if one.delivery_id not in delivery_ids",
            "state.deliveries",
            "test_the_consumer_can_continue_after_a_delivery_was_erased",
        ),
    },
    "rtdts/telemetry_stream/set_aside.py": {
        "erasure-leaves-set-aside-batches": ERASED(
            "if not is_about(message.data, truck_id)",
            "if message.data",
            "test_a_batch_is_rewritten_without_the_truck",
        ),
    },
    "rtdts/telemetry_stream/bucket_objects.py": {
        "old-object-deleted-before-the-new-one-exists": ERASED(
            "response = self._client.put_object(",
            "self.destroy(version)\nresponse = self._client.put_object(",
            "test_a_rewritten_object_is_stored_before_the_old_one_is_deleted",
        ),
    },
}
