"""The breaks, as data: what somebody could do to the code, and the tests that must notice.

At least one for each guarantee (docs/architecture.md, "Guarantees"), each small and plausible: what
a tired person would write. A break's text stands exactly once in its file, which
tests/architecture/test_breaks_in_step.py sees to: whoever changes that code brings the break along.
"""

from __future__ import annotations

import dataclasses

UNIT = "tests/unit"
PIPELINE = f"{UNIT}/consumer/test_batch_pipeline.py"
PROCESSOR = f"{UNIT}/consumer/test_record_processor.py"
TIMELINE = f"{UNIT}/consumer/test_log_is_the_timeline.py"
PUTTER = f"{UNIT}/telemetry_stream/test_putter.py"
INGEST = f"{UNIT}/ingest_lambda/test_ingest_handler.py"
INTAKE = f"{UNIT}/ingest/test_intake.py"
STAMPING = f"{UNIT}/tracking/test_stamping.py"
CLOCK_RUNS = f"{UNIT}/tracking/test_clock_runs.py"
CLOCK_LAG = f"{UNIT}/tracking/test_clock_lag.py"
SLOW_CLOCK = f"{UNIT}/consumer/test_slow_clock.py"
STORY = f"{UNIT}/tracking/test_timeline_in_any_order.py"
FOLD = f"{UNIT}/tracking/test_truck_fold.py"
QUALITY = f"{UNIT}/tracking/test_quality_rules.py"
PRESENCE = f"{UNIT}/tracking/test_presence.py"
TRUCKS = f"{UNIT}/tracking/test_timelines_of_ordinary_trucks.py"
MACHINE = f"{UNIT}/tracking/test_status_machine.py"
RECONCILING = f"{UNIT}/tracking/test_reconciling_a_log.py"
ETA = f"{UNIT}/tracking/test_eta.py"
MESSAGES = f"{UNIT}/tracking/test_viewer_messages.py"
VIEWING = f"{UNIT}/tracking/test_viewing.py"
SCOPE = f"{UNIT}/tracking/test_viewer_scope.py"
ROUND = f"{UNIT}/broadcaster/test_round.py"
NUDGES = f"{UNIT}/broadcaster/test_nudges.py"
CLOCK = f"{UNIT}/broadcaster/test_round_clock.py"
SHARED = f"{UNIT}/broadcaster/test_shared_rounds.py"
PUSHED_BACK = f"{UNIT}/broadcaster/test_round_pushed_back.py"
SOCKET = f"{UNIT}/socket_lambda/test_socket_handler.py"
FLEET = f"{UNIT}/broadcaster/test_fleet_followers.py"
FLEET_PARTS = f"{UNIT}/broadcaster/test_fleet_parts.py"
CURRENT = f"{UNIT}/broadcaster/test_current_deliveries.py"
PYTHON_VECTORS = f"{UNIT}/rtdts_client/test_python_client_vectors.py"
PYTHON_TRACKER = f"{UNIT}/rtdts_client/test_delivery_tracker.py"
PAGES = "tests/integration/test_pages_own_tests.py::test_the_pages_own_tests_pass"
FLEET_ROUTES = f"{UNIT}/socket_lambda/test_fleet_routes.py"
FLEET_VIEW = f"{UNIT}/tracking/test_fleet_view.py"
FLEET_MESSAGES = f"{UNIT}/tracking/test_fleet_messages.py"
DELIVERY = f"{UNIT}/delivery_lambda/test_delivery_handler.py"
DECISIONS = f"{UNIT}/delivery_lambda/test_decisions.py"
CHANGED = f"{UNIT}/consumer/test_changed_plans.py"
TOGETHER = f"{UNIT}/consumer/test_many_deliveries_at_once.py"
STORE = "tests/contract/test_delivery_store_contract.py"
APPENDS = f"{UNIT}/delivery_store/test_appends.py"
SETTLING = f"{UNIT}/consumer/test_settling.py"
TOGGLED = f"{UNIT}/consumer/test_toggled_statuses.py"
AGAIN = f"{UNIT}/consumer/test_settling_again.py"
BACKLOG = f"{UNIT}/consumer/test_backlog_newest_first.py"
ERASE = f"{UNIT}/operations/test_erase.py"
ERASED = f"{UNIT}/consumer/test_erased_trucks.py"
BRIDGE = f"{UNIT}/mqtt_bridge/test_bridge_session.py"
PARKED = f"{UNIT}/operations/test_replay_parked.py"
LIMITS = f"{UNIT}/socket_lambda/test_socket_limits.py"
RETRYING = f"{UNIT}/consumer/test_retrying.py"
OUTCOMES = f"{UNIT}/position_store/test_bulk_outcomes.py"
TRUCK_QUOTA = f"{UNIT}/ingest_lambda/test_truck_quota.py"
QUOTA_WATCH = f"{UNIT}/consumer/test_quota_watch.py"
AUTHORIZER = f"{UNIT}/socket_lambda/test_authorizer.py"
REVOKED = f"{UNIT}/broadcaster/test_revoked_viewers.py"
DEVICES = f"{UNIT}/delivery_store/test_devices.py"
PHONES = f"{UNIT}/ingest_lambda/test_phones.py"
SHARING = f"{UNIT}/delivery_lambda/test_sharing.py"
BY_SHARE = f"{UNIT}/tracking/test_viewing_by_share.py"
SHARE_VIEWERS = f"{UNIT}/broadcaster/test_viewers_by_share.py"
SHARE_SOCKETS = f"{UNIT}/socket_lambda/test_share_sockets.py"
ORIGINS = f"{UNIT}/runtime/test_origins.py"
TRACK = f"{UNIT}/track_lambda/test_track_handler.py"
OWNTRACKS = f"{UNIT}/tracking/test_owntracks.py"
GATEWAY = f"{UNIT}/sim/local_cloud/test_socket_gateway_decisions.py"
SOCKETS = "tests/integration/test_socket_gateway.py"
TRACCAR = f"{UNIT}/tracking/test_traccar_client.py"
BLOCKED = f"{UNIT}/delivery_store/test_blocked_identities.py"
IOT = f"{UNIT}/iot_lambda/test_iot_handler.py"
ENROLLMENT = f"{UNIT}/iot_lambda/test_enrollment.py"
ENROLLED = "tests/integration/test_iot_enrollment.py"
RULES = "tests/integration/test_ministack_rules.py"
FAILED_MESSAGES = f"{UNIT}/operations/test_replay_failed_messages.py"

GUARANTEES = range(1, 9)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Break:
    """One break of the code."""

    name: str
    guarantee: int
    """Which of the eight it takes away."""
    file: str
    text: str
    """What is replaced; it stands exactly once in the file."""
    replacement: str
    tests: tuple[str, ...]
    """Each of these, by itself, must go red (of one with parameters: any of its cases)."""


BREAKS = (
    # 1. An accepted point is durable; later it is in the history exactly once, or parked.
    Break(
        name="partial-put-is-ignored",
        guarantee=1,
        file="rtdts/telemetry_stream/putter.py",
        text="failed = [record for record, code in zip(records, codes, strict=True) if code]",
        replacement="failed: list[_Record] = []",
        tests=(
            f"{PUTTER}::test_only_the_failed_records_of_a_call_are_put_again",
            f"{PUTTER}::test_what_keeps_failing_until_the_deadline_is_named_and_nothing_else",
        ),
    ),
    Break(
        name="whole-call-put-again",
        guarantee=1,
        file="rtdts/telemetry_stream/putter.py",
        text="failed = [record for record, code in zip(records, codes, strict=True) if code]",
        replacement="failed = list(records) if any(codes) else []",
        tests=(f"{PUTTER}::test_only_the_failed_records_of_a_call_are_put_again",),
    ),
    Break(
        name="not-taken-named-by-the-wrong-place",
        guarantee=1,
        file="rtdts/ingest/intake.py",
        text="not_taken = [stamped.indexes[place] for place in outcome.not_taken]",
        replacement="not_taken = list(outcome.not_taken)",
        tests=(
            f"{INGEST}::test_what_was_not_accepted_is_named_by_its_place_in_the_request",
            f"{INTAKE}::test_what_was_not_accepted_is_named_by_its_place_in_the_body",
        ),
    ),
    Break(
        name="mqtt-acknowledged-though-not-taken",
        guarantee=1,
        file="mqtt_bridge/session.py",
        text="                if result.not_taken:",
        replacement="                if result.not_taken and not failed:",
        tests=(f"{BRIDGE}::test_each_of_several_messages_that_were_not_accepted_is_put_again",),
    ),
    Break(
        name="mqtt-unusable-message-is-dropped",
        guarantee=1,
        file="mqtt_bridge/session.py",
        text="            await self._park(message, truck_id, verdict.reason, verdict.detail)",
        replacement="            await asyncio.sleep(0)",
        tests=(f"{BRIDGE}::test_what_can_not_be_used_is_parked_reported_and_acknowledged",),
    ),
    Break(
        name="mqtt-takes-what-a-revoked-truck-sends",
        guarantee=6,
        file="rtdts/ingest/messages.py",
        text="    if is_revoked(truck_id):",
        replacement="    if is_revoked(truck_id) and not truck_id:",
        tests=(f"{BRIDGE}::test_what_a_revoked_truck_sends_is_acknowledged_and_kept_nowhere",),
    ),
    Break(
        name="a-put-goes-on-after-its-deadline",
        guarantee=1,
        file="rtdts/telemetry_stream/putter.py",
        text="if attempts and deadline.passed:",
        replacement="if not attempts and deadline.passed:",
        tests=(
            f"{UNIT}/telemetry_stream/test_putter.py"
            "::test_no_call_of_a_put_begins_after_the_deadline_but_the_first",
        ),
    ),
    Break(
        name="set-aside-batches-go-though-not-taken",
        guarantee=1,
        file="operations/replay_set_aside.py",
        text="            if report.not_taken:\n                break",
        replacement="            if report.not_taken and dry_run:\n                break",
        tests=(
            f"{UNIT}/operations/test_replay_set_aside.py"
            "::test_a_batch_that_is_not_accepted_whole_stays_and_ends_the_replay",
        ),
    ),
    Break(
        name="iot-messages-that-come-again-count-again",
        guarantee=1,
        file="iot_lambda/judging.py",
        text="self._quota.copy()",
        replacement="self._quota",
        tests=(f"{IOT}::test_what_comes_again_counts_once",),
    ),
    Break(
        name="iot-blocks-what-was-sent-before-the-block",
        guarantee=1,
        file="rtdts/tracking/blocks.py",
        text="return block is not None and block.blocked_at_ms <= at_ms",
        replacement="return block is not None",
        tests=(f"{IOT}::test_a_block_counts_for_what_was_sent_while_it_lasted",),
    ),
    Break(
        name="iot-limits-what-an-operator-replays",
        guarantee=1,
        file="iot_lambda/judging.py",
        text="is_fresh = abs(record.arrived_at_ms - at_ms) <= FRESH_MS",
        replacement="is_fresh = True",
        tests=(f"{IOT}::test_what_a_truck_over_its_quota_sends_is_set_aside_and_can_be_replayed",),
    ),
    Break(
        name="mqtt-failed-messages-fall-behind",
        guarantee=1,
        file="mqtt_bridge/gathering.py",
        text="truck.waiting.extendleft(reversed(failed))",
        replacement="truck.waiting.extend(failed)",
        tests=(
            f"{UNIT}/mqtt_bridge/test_gathering.py"
            "::test_what_failed_is_put_again_before_what_came_after_it",
        ),
    ),
    Break(
        name="mqtt-drain-takes-more",
        guarantee=7,
        file="mqtt_bridge/session.py",
        text="        if not self._is_open:\n            return\n",
        replacement="",
        tests=(f"{BRIDGE}::test_what_comes_after_the_drain_began_is_left_to_the_next_bridge",),
    ),
    Break(
        name="mqtt-poison-message-ends-the-bridge",
        guarantee=6,
        file="rtdts/ingest/messages.py",
        text="    except Exception as error:  # a bug here",
        replacement="    except KeyError as error:  # a bug here",
        tests=(
            f"{UNIT}/mqtt_bridge/test_judging.py"
            "::test_an_error_of_ours_costs_the_message_that_it_is_in_and_no_other",
        ),
    ),
    Break(
        name="iot-comes-again-from-the-last",
        guarantee=1,
        file="iot_lambda/batches.py",
        text="first = min(undone, default=None)",
        replacement="first = max(undone, default=None)",
        tests=(f"{IOT}::test_each_truck_that_failed_comes_again",),
    ),
    Break(
        name="iot-not-taken-is-done",
        guarantee=1,
        file="iot_lambda/batches.py",
        text="if result.not_taken}",
        replacement="if not result.accepted}",
        tests=(f"{IOT}::test_a_message_taken_in_part_comes_again",),
    ),
    Break(
        name="iot-unparked-is-done",
        guarantee=1,
        file="iot_lambda/batches.py",
        text="if not _is_parked(parking)}",
        replacement="if parking.cancelled()}",
        tests=(f"{IOT}::test_a_message_that_could_not_be_parked_comes_again",),
    ),
    Break(
        name="iot-broken-record-holds-up-its-shard",
        guarantee=6,
        file="rtdts/ingest/device_messages.py",
        text="except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:",
        replacement="except msgspec.ValidationError as error:",
        tests=(f"{IOT}::test_a_record_that_no_rule_of_ours_wrote_is_parked",),
    ),
    Break(
        name="iot-stamped-by-the-lambdas-clock",
        guarantee=3,
        file="iot_lambda/judging.py",
        text="received_at_ms=message.received_at_ms,",
        replacement="received_at_ms=self._now_ms(),",
        tests=(f"{IOT}::test_points_are_those_that_http_makes_at_the_time_of_the_rule",),
    ),
    Break(
        name="iot-rule-passes-on-json-only",
        guarantee=1,
        file="deploy/terraform/modules/iot_ingest/rules/telemetry.sql",
        text="encode(*, 'base64') AS payload",
        replacement="* AS payload",
        tests=(f"{RULES}::test_our_rule_writes_the_truck_the_time_and_the_payload_byte_for_byte",),
    ),
    Break(
        name="iot-replay-deletes-what-was-not-put",
        guarantee=1,
        file="operations/replay_failed_messages.py",
        text="stores.failed.delete(done)",
        replacement="stores.failed.delete([message for message, _ in records])",
        tests=(f"{FAILED_MESSAGES}::test_what_the_stream_does_not_take_stays_until_it_does",),
    ),
    Break(
        name="iot-claim-certificate-makes-any-truck",
        guarantee=6,
        file="iot_lambda/enrollment.py",
        text="and enrollments.bind(",
        replacement="or enrollments.bind(",
        tests=(f"{ENROLLMENT}::test_with_another_trucks_secret_no_truck_is_had",),
    ),
    Break(
        name="iot-secret-is-burnt-with-its-first-certificate",
        guarantee=6,
        file="iot_lambda/public_keys.py",
        text="return hashlib.sha256(key).hexdigest()",
        replacement="return hashlib.sha256(der).hexdigest()",
        tests=(
            f"{ENROLLMENT}"
            "::test_a_box_that_lost_its_power_gets_another_certificate_for_its_key_and_no_other",
        ),
    ),
    Break(
        name="iot-secret-is-good-for-any-key",
        guarantee=6,
        file="rtdts/delivery_store/enrollments.py",
        text="OR key_hash = :key)",
        replacement="OR key_hash <> :truck)",
        tests=(
            "tests/contract/test_enrollment_contract.py"
            "::test_a_secret_is_good_for_its_truck_and_for_the_first_key_alone",
        ),
    ),
    Break(
        name="iot-truck-sends-as-any-other",
        guarantee=6,
        file="deploy/terraform/modules/iot_ingest/truck_policy.json",
        text="trucks/$${iot:Connection.Thing.ThingName}/telemetry",
        replacement="trucks/*/telemetry",
        tests=(f"{ENROLLED}::test_a_truck_sends_as_itself_on_its_own_topic_and_receives_nothing",),
    ),
    Break(
        name="bridge-sessions-never-expire",
        guarantee=1,
        file="mqtt_bridge/broker_client.py",
        text="properties.SessionExpiryInterval = self._session_expiry_s",
        replacement="properties.SessionExpiryInterval = 0xFFFFFFFF",
        tests=(
            "tests/integration/test_broker_rights.py::test_what_bridges_held_outlives_their_sessions",
        ),
    ),
    Break(
        name="two-trucks-under-one-key",
        guarantee=1,
        file="rtdts/telemetry_stream/putter.py",
        text='"PartitionKey": record.truck_id}',
        replacement='"PartitionKey": "trucks"}',
        tests=(f"{PUTTER}::test_a_request_is_one_record_with_the_truck_as_its_key",),
    ),
    Break(
        name="failed-batch-is-acknowledged",
        guarantee=1,
        file="consumer/record_processor.py",
        text='self._die("batch_failed", error)',
        replacement='self._log.exception("batch_failed", error, shard_id=self._shard_id)',
        tests=(f"{PROCESSOR}::test_under_kclpy_a_batch_that_fails_is_never_acknowledged",),
    ),
    Break(
        name="checkpoint-before-it-is-durable",
        guarantee=1,
        file="consumer/record_processor.py",
        text="""\
            report = self._pipeline.process(records)
            self._checkpoints.durable_up_to(max(record.position for record in records))
""",
        replacement="""\
            self._checkpoints.durable_up_to(max(record.position for record in records))
            self._checkpoints.checkpoint_if_due(batch.checkpointer)
            report = self._pipeline.process(records)
""",
        tests=(
            f"{PROCESSOR}::test_nothing_is_checkpointed_that_is_not_durable",
            f"{PROCESSOR}::test_under_kclpy_a_batch_that_fails_is_never_acknowledged",
        ),
    ),
    Break(
        name="faulty-record-is-dropped",
        guarantee=1,
        file="consumer/pipeline.py",
        text="        self._park(sorted_out.faults, report, budget)\n",
        replacement="",
        tests=(f"{PIPELINE}::test_what_is_no_point_of_its_truck_is_parked_and_the_rest_goes_on",),
    ),
    Break(
        name="busy-store-taken-for-a-bad-document",
        guarantee=1,
        file="rtdts/position_store/bulk.py",
        text="is_own_fault = status == 400 and",
        replacement="is_own_fault = 400 <= status < 500 and",
        tests=(f"{UNIT}/position_store/test_bulk_outcomes.py::test_each_item_has_its_own_fate",),
    ),
    Break(
        name="point-known-by-its-corrected-time",
        guarantee=1,
        file="rtdts/tracking/point_identity.py",
        text="recorded_at_ms=point.recorded_at_ms",
        replacement="recorded_at_ms=point.event_at_ms",
        tests=(
            f"{UNIT}/tracking/test_point_identity.py"
            "::test_what_stamping_and_the_way_it_came_change_is_no_part_of_it",
            f"{PIPELINE}::test_of_a_shifted_point_the_first_stamp_in_the_stream_wins",
        ),
    ),
    Break(
        name="only-the-newest-of-a-wrong-clock-is-shifted",
        guarantee=1,
        file="rtdts/tracking/stamping.py",
        text="is_too_old = recorded_at_ms[place] + shift_ms < oldest_ms",
        replacement="is_too_old = recorded_at_ms[place] < newest_ms",
        tests=(
            f"{STAMPING}::test_a_run_is_judged_by_its_newest_and_by_nothing_else",
            f"{STAMPING}::test_order_and_spacing_of_a_run_stay",
        ),
    ),
    Break(
        name="a-wrong-clock-shifts-the-whole-request",
        guarantee=1,
        file="rtdts/tracking/stamping.py",
        text="for run in clock_runs(recorded_at_ms):",
        replacement="for run in [range(len(recorded_at_ms))]:",
        tests=(
            f"{STAMPING}::test_one_wrong_stamp_of_ten_moves_nothing_but_itself",
            f"{STAMPING}::test_a_point_far_from_every_point_ahead_keeps_its_time",
        ),
    ),
    Break(
        name="no-jump-of-a-clock-seen-by-the-order",
        guarantee=1,
        file="rtdts/tracking/clock_runs.py",
        text="if _is_in_order(times_ms, run) or _has_no_order(times_ms, run):",
        replacement="if run:",
        tests=(
            f"{CLOCK_RUNS}::test_a_clock_that_jumps_by_minutes_and_back_is_seen_by_the_order",
            f"{CLOCK_RUNS}::test_a_wrong_stamp_ahead_of_a_request_in_order_is_by_itself",
        ),
    ),
    Break(
        name="request-with-rejected-points-left-to-the-sample",
        guarantee=1,
        file="ingest_lambda/service.py",
        text="            and not result.rejected\n",
        replacement="",
        tests=(f"{INGEST}::test_a_request_that_something_was_wrong_with_is_always_logged",),
    ),
    Break(
        name="points-not-taken-counted-when-it-is-too-late",
        guarantee=1,
        file="rtdts/runtime/metric_sums.py",
        text="if at_once or now_s - self._written_s >= self._every_s:",
        replacement="if now_s - self._written_s >= self._every_s:",
        tests=(
            f"{UNIT}/runtime/test_metric_sums.py"
            "::test_a_failure_is_written_at_once_with_what_came_before_it",
            f"{INGEST}::test_points_that_were_not_accepted_are_counted_at_once_with_all_before_them",
        ),
    ),
    Break(
        name="sums-counted-twice",
        guarantee=1,
        file="rtdts/runtime/metric_sums.py",
        text="        self._sums = Counter()\n",
        replacement="",
        tests=(
            f"{UNIT}/runtime/test_metric_sums.py"
            "::test_nothing_is_counted_twice_and_nothing_left_out",
        ),
    ),
    Break(
        name="raw-log-without-a-replica",
        guarantee=1,
        file="rtdts/position_store/index_definitions.py",
        text="(RAW_PATTERN, RAW_MAPPINGS, {**_DURABLE, **_SEARCHED}),",
        replacement='(RAW_PATTERN, RAW_MAPPINGS, {"number_of_replicas": "0", **_SEARCHED}),',
        tests=(
            f"{UNIT}/position_store/test_position_documents.py"
            "::test_every_index_has_a_replica_where_there_is_a_second_node",
        ),
    ),
    # 2. A truck's latest position never goes back.
    Break(
        name="older-point-overwrites-the-latest",
        guarantee=2,
        file="rtdts/position_store/writer.py",
        text="""\
            version=external_version(latest),
""",
        replacement="            version=2**62,\n",
        tests=(
            f"{UNIT}/position_store/test_position_writes.py"
            "::test_a_latest_position_is_written_under_its_own_version_only",
        ),
    ),
    Break(
        name="version-by-arrival",
        guarantee=2,
        file="rtdts/position_store/documents.py",
        text="return latest.newest.event_at_ms * REVISIONS",
        replacement="return latest.newest.received_at_ms * REVISIONS",
        tests=(
            f"{UNIT}/position_store/test_position_documents.py"
            "::test_a_point_that_comes_late_has_the_lower_version",
        ),
    ),
    Break(
        name="other-deliveries-shown-with-the-newest",
        guarantee=3,
        file="rtdts/position_store/documents.py",
        text="    if shown is newest and latest.shown_deliveries == latest.deliveries:",
        replacement="    if shown is newest:",
        tests=(
            f"{UNIT}/position_store/test_position_documents.py"
            "::test_the_newest_point_is_stored_twice_where_other_deliveries_are_shown_with_it",
        ),
    ),
    Break(
        name="derived-as-sent",
        guarantee=3,
        file="rtdts/position_store/documents.py",
        text="return msgspec.structs.replace(fix, **unsent) if unsent else fix",
        replacement="return fix",
        tests=(
            f"{UNIT}/position_store/test_position_documents.py"
            "::test_a_document_of_the_history_gives_back_exactly_the_fix_that_it_was_made_of",
        ),
    ),
    Break(
        name="newest-by-arrival",
        guarantee=2,
        file="rtdts/tracking/latest.py",
        text="newest = state.window[-1]",
        replacement="newest = max(state.window, key=lambda fix: fix.n)",
        tests=(
            f"{FOLD}::test_within_the_window_the_history_is_the_same_in_any_order_and_batches",
            f"{PIPELINE}::test_an_older_point_never_overwrites_the_latest",
        ),
    ),
    Break(
        name="revision-counts-settlings-only",
        guarantee=2,
        file="rtdts/tracking/truck_state.py",
        text="return self.taken + self.settlings - self.shown_from",
        replacement="return self.settlings",
        tests=(
            f"{FOLD}::test_the_worker_that_took_more_points_has_the_higher_revision"
            "_however_batches_were_cut",
        ),
    ),
    # 3. Whatever the order, the log folds to the timeline; it only grows, without gaps.
    Break(
        name="late-point-is-not-folded-in-its-place",
        guarantee=3,
        file="rtdts/tracking/truck_fold.py",
        text="self._unsettle(fixes[0].event_at_ms, fixes[later - 1].event_at_ms)",
        replacement="pass",
        tests=(
            f"{STORY}::test_any_order_split_and_repetition_gives_the_timeline",
            f"{TIMELINE}::test_what_is_settled_page_by_page_while_the_truck_goes_on_gives_the_same",
        ),
    ),
    Break(
        name="sent-speeds-do-not-show-a-jump",
        guarantee=3,
        file="rtdts/tracking/reach.py",
        text="    if _is_beyond(chain, step_m, rules, trusts_speeds=True):",
        replacement="    if _is_beyond(chain, step_m, rules, trusts_speeds=False):",
        tests=(f"{QUALITY}::test_reflections_are_jumps",),
    ),
    Break(
        name="what-goes-on-from-a-jump-is-a-drive",
        guarantee=3,
        file="rtdts/tracking/reach.py",
        text="    if fix is not first:",
        replacement="    if False:",
        tests=(f"{QUALITY}::test_reflections_are_jumps",),
    ),
    Break(
        name="a-device-without-doppler-is-never-believed",
        guarantee=3,
        file="rtdts/tracking/reach.py",
        text="return not _disproves_speeds(fix, context, rules) or",
        replacement="return True or",
        tests=(f"{QUALITY}::test_drives_are_none",),
    ),
    Break(
        name="doubted-drives-are-not-confirmed-by-the-next-fix",
        guarantee=3,
        file="rtdts/tracking/reach.py",
        text="speed_mps = max(speed_mps, _step_mps(first, chain[2], rules))",
        replacement="pass",
        tests=(f"{QUALITY}::test_drives_are_none",),
    ),
    Break(
        name="three-reflections-outweigh-a-truck-that-stands",
        guarantee=3,
        file="rtdts/tracking/quality.py",
        text="    return is_alone or len(row)",
        replacement="    return True or len(row)",
        tests=(f"{QUALITY}::test_reflections_are_jumps",),
    ),
    Break(
        name="a-place-that-a-receiver-keeps-outweighs-the-truck",
        guarantee=3,
        file="rtdts/tracking/quality.py",
        text="(one.lat, one.lon) != (good.lat, good.lon) and ",
        replacement="",
        tests=(f"{QUALITY}::test_drives_are_none",),
    ),
    Break(
        name="reflections-at-different-places-agree",
        guarantee=3,
        file="rtdts/tracking/quality.py",
        text="if any(not agree(one, other, rules.reach) for one, other in pairwise(row)):",
        replacement="if False:",
        tests=(f"{QUALITY}::test_two_reflections_at_different_places_outweigh_nothing",),
    ),
    Break(
        name="arrival-in-a-silence-is-when-it-ends",
        guarantee=3,
        file="rtdts/tracking/status_machine.py",
        text="    return _Found(found.effective_at_ms - by_ms, evidence)",
        replacement="    return _Found(found.effective_at_ms, evidence)",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="arrival-before-the-pickup-was-declared",
        guarantee=3,
        file="rtdts/tracking/status_machine.py",
        text="    if not by_ms or not machine.transitions:",
        replacement="    if not by_ms:",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="arrival-hours-before-any-point",
        guarantee=3,
        file="rtdts/tracking/presence.py",
        text="    if not dwell_s / 2 <= silence_s <= rules.longest_drive_in_s:",
        replacement="    if not dwell_s / 2 <= silence_s:",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="silence-in-a-dock-is-no-dwell",
        guarantee=3,
        file="rtdts/tracking/presence.py",
        text="    return watch.sum >= rules.sure_before_silence and silence_s - drive_s >= dwell_s",
        replacement="    return watch.sum < 0 and silence_s - drive_s >= dwell_s",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="silence-of-a-truck-that-drives-on-is-a-dwell",
        guarantee=3,
        file="rtdts/tracking/presence.py",
        text="drive_s = seen.outside_m / rules.pull_away_mps",
        replacement="drive_s = 0.0",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="farther-of-two-places-in-a-yard",
        guarantee=3,
        file="rtdts/tracking/presence.py",
        text="    nearer = (other.distance_m - seen.distance_m) / seen.accuracy_m",
        replacement="    nearer = (seen.distance_m - other.distance_m) / seen.accuracy_m",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="one-outlier-ends-a-dwell",
        guarantee=3,
        file="rtdts/tracking/presence.py",
        text="    if total <= 0:\n",
        replacement="    if evidence <= 0:\n",
        tests=(
            f"{PRESENCE}::test_one_fix_outside_ends_no_stay",
            f"{TRUCKS}::test_noise_of_60_m_neither_makes_nor_prevents_an_arrival",
        ),
    ),
    Break(
        name="pickup-that-no-sensor-saw-is-not-implied",
        guarantee=3,
        file="rtdts/tracking/status_machine.py",
        text="        (Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, _has_dwelt_at_origin),\n"
        "        (Status.IN_TRANSIT, Cause.IMPLIED, _must_have_picked_up),\n",
        replacement="        (Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, _has_dwelt_at_origin),\n",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="standing-at-the-destination-before-moving-off-is-an-arrival",
        guarantee=3,
        file="rtdts/tracking/status_machine.py",
        text="msgspec.structs.replace(was_there, counts=False)",
        replacement="was_there",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="overlapping-geofences-are-both-entered",
        guarantee=3,
        file="rtdts/tracking/presence.py",
        text="    if are_one or not (seen.is_inside and other.is_inside):",
        replacement="    if True:",
        tests=(f"{TRUCKS}::test_the_timeline_of_an_ordinary_truck",),
    ),
    Break(
        name="status-of-another-truck-is-kept-for-ever",
        guarantee=3,
        file="bench/truth/timeline.py",
        text="machine = begun(one.status, one.cause)",
        replacement="machine = begun(one.status, None)",
        tests=(f"{RECONCILING}::test_the_log_of_a_transfer_folds_to_the_timeline",),
    ),
    Break(
        name="one-fix-outside-ends-every-stay",
        guarantee=3,
        file="rtdts/tracking/presence.py",
        text="    return seen.outside_m > rules.far_m + 2 * seen.accuracy_m",
        replacement="    return seen.inside <= -1.0",
        tests=(f"{PRESENCE}::test_one_fix_outside_ends_no_stay",),
    ),
    Break(
        name="correction-back-to-the-anchor-stops-at-a-later-status",
        guarantee=3,
        file="rtdts/tracking/delivery_log.py",
        text="kept = 0 if back_to is anchor else next(led_to, 0)",
        replacement="kept = next(led_to, 0)",
        tests=(f"{RECONCILING}::test_the_log_of_a_transfer_folds_to_what_was_wanted",),
    ),
    Break(
        name="log-believed-to-be-where-it-was-left",
        guarantee=3,
        file="rtdts/tracking/delivery_state.py",
        text="if len(log.after_anchor) == before.log_length and not is_behind:",
        replacement="if len(log.after_anchor) >= before.log_length and not is_behind:",
        tests=(
            f"{STORY}::test_crashes_before_the_state_is_stored_append_nothing_twice",
            f"{TIMELINE}::test_whatever_comes_between_the_log_folds_to_the_timeline",
            f"{PIPELINE}::test_a_worker_killed_at_any_step_and_the_same_batch_again_gives_the_same",
        ),
    ),
    Break(
        name="late-points-count-for-half-a-day",
        guarantee=3,
        file="rtdts/tracking/truck_fold.py",
        text="    late_horizon_s: float = 86_400.0",
        replacement="    late_horizon_s: float = 43_200.0",
        tests=(f"{TIMELINE}::test_late_points_far_from_each_other_give_the_same",),
    ),
    Break(
        name="statuses-behind-a-cut-off-settling-are-withdrawn",
        guarantee=3,
        file="consumer/settling.py",
        text="            refold.cut_off()\n",
        replacement="",
        tests=(
            f"{UNIT}/consumer/test_settling_in_pages.py"
            "::test_a_settling_that_reads_too_much_is_cut_off_and_other_trucks_are_settled",
        ),
    ),
    Break(
        name="settling-starts-anywhere",
        guarantee=3,
        file="rtdts/tracking/settling.py",
        text="            if is_reset_point(status, fix, plan, rules):\n",
        replacement="            if True:\n",
        tests=(
            f"{STORY}::test_any_order_split_and_repetition_gives_the_timeline",
            f"{TIMELINE}::test_whatever_comes_between_the_log_folds_to_the_timeline",
        ),
    ),
    Break(
        name="settling-ends-where-the-rules-still-look-back",
        guarantee=3,
        file="rtdts/tracking/settling.py",
        text="        return self._alike >= LOOKBACK_FIXES and is_all_agreed",
        replacement="        return is_all_agreed",
        tests=(
            f"{SETTLING}"
            "::test_late_points_of_a_truck_without_deliveries_are_derived_in_their_place",
        ),
    ),
    Break(
        name="machines-agree-while-fixes-still-change",
        guarantee=3,
        file="rtdts/tracking/settling.py",
        text="        if self._alike < LOOKBACK_FIXES:\n            return\n",
        replacement="",
        tests=(f"{STORY}::test_any_order_split_and_repetition_gives_the_timeline",),
    ),
    Break(
        name="log-corrected-for-what-has-not-come-again",
        guarantee=3,
        file="rtdts/tracking/delivery_log.py",
        text="one.shard_id == here.shard_id and one.position > here.position",
        replacement="False",
        tests=(f"{PIPELINE}::test_a_replay_that_is_behind_the_log_appends_nothing",),
    ),
    Break(
        name="found-is-taken",
        guarantee=3,
        file="consumer/arrivals.py",
        text="stamp.beyond or stamp.n <= taken",
        replacement="True",
        tests=(
            f"{SETTLING}"
            "::test_what_a_crash_left_in_the_history_is_folded_when_its_record_comes_again",
            f"{TIMELINE}::test_whatever_comes_between_the_log_folds_to_the_timeline",
        ),
    ),
    Break(
        name="unsettled-reconciled-at-once",
        guarantee=3,
        file="rtdts/tracking/truck_fold.py",
        text="    if state.unsettled:\n",
        replacement="    if False:\n",
        tests=(f"{PIPELINE}::test_while_late_points_are_unsettled_nothing_is_logged",),
    ),
    Break(
        name="provisional-overwrites-what-is-settled",
        guarantee=3,
        file="rtdts/position_store/writer.py",
        text="PROVISIONAL = 1\n",
        replacement="PROVISIONAL = 1 << 62\n",
        tests=(
            f"{SETTLING}::test_a_provisional_document_replaces_nothing_that_was_settled",
            f"{TIMELINE}::test_whatever_comes_between_the_log_folds_to_the_timeline",
        ),
    ),
    Break(
        name="late-point-behind-a-settling-is-lost",
        guarantee=3,
        file="rtdts/tracking/settling.py",
        text="if state.last_late_n != self._last_late_n:",
        replacement="if False:",
        tests=(f"{SETTLING}::test_a_late_point_behind_a_settling_under_way_is_settled_too",),
    ),
    Break(
        name="settling-pages-from-the-interval",
        guarantee=3,
        file="consumer/settling.py",
        text="from_ms = order[0] if folded else min",
        replacement="from_ms = interval.from_ms if folded else min",
        tests=(
            f"{SETTLING}::test_what_leaves_the_window_while_a_settling_is_under_way_is_not_skipped",
        ),
    ),
    Break(
        name="settling-reads-before-a-refresh",
        guarantee=3,
        file="consumer/settling.py",
        text="""budget.call("refresh the history", self._finder.refresh)""",
        replacement="pass",
        tests=(
            "tests/unit/consumer/test_log_is_the_timeline.py"
            "::test_late_points_far_from_each_other_give_the_same",
        ),
    ),
    Break(
        name="second-interval-on-stale-neighbours",
        guarantee=3,
        file="consumer/settling.py",
        text="        if one.fix.point_id in changed\n",
        replacement="        if False\n",
        tests=(
            f"{SETTLING}::test_the_second_interval_of_a_truck_builds_on_what_the_first_changed",
        ),
    ),
    Break(
        name="refused-point-takes-its-ordinal-along",
        guarantee=3,
        file="consumer/pipeline.py",
        text="                if all(one.identity in rejected_ids for one in arrivals):\n",
        replacement=(
            "                arrivals = [one for one in arrivals if one.identity "
            "not in rejected_ids]\n"
            "                if not arrivals:\n"
        ),
        tests=(
            f"{SETTLING}"
            "::test_a_point_in_the_middle_that_the_history_rejects_is_left_out_of_everything",
        ),
    ),
    Break(
        name="rebuilt-state-knows-less-than-the-lost-one",
        guarantee=3,
        file="rtdts/tracking/truck_state.py",
        text="settlings = first_ordinal // _ORDINALS_A_SETTLING",
        replacement="settlings = 0",
        tests=(
            f"{FOLD}::test_a_state_that_begins_anew_knows_more_than_one_that_was_settled_all_day",
        ),
    ),
    Break(
        name="settling-counted-by-its-intervals",
        guarantee=3,
        file="rtdts/tracking/settling.py",
        text="            unsettled=self._left(state),\n",
        replacement=(
            "            unsettled=self._left(state),\n            settlings=state.settlings + 1,\n"
        ),
        tests=(
            f"{AGAIN}::test_a_settling_of_fewer_intervals_than_the_lost_one"
            "_overwrites_what_that_left",
        ),
    ),
    Break(
        name="correction-found-written-is-not-pushed",
        guarantee=5,
        file="rtdts/tracking/delivery_state.py",
        text="log.after_anchor[before.log_length :]",
        replacement="log.entries[before.log_length :]",
        tests=(f"{AGAIN}::test_a_correction_that_a_killed_worker_logged_is_nudged_by_the_next",),
    ),
    Break(
        name="transition-of-a-truck-that-lost-the-delivery",
        guarantee=3,
        file="rtdts/delivery_store/deliveries.py",
        text='"version = :version AND truck_id = :truck"',
        replacement='"version = :version OR truck_id = :truck"',
        tests=(f"{STORE}::test_a_writer_that_thinks_of_another_truck_loses",),
    ),
    Break(
        name="log-of-an-open-delivery-expires",
        guarantee=3,
        file="rtdts/delivery_store/deliveries.py",
        text="        if after.closed_at_ms is None:\n            return None\n",
        replacement="",
        tests=(
            f"{STORE}::test_an_open_deliverys_log_never_expires_and_a_closed_ones_does_all_of_it",
            f"{UNIT}/delivery_store/test_delivery_expiry.py"
            "::test_an_open_delivery_never_expires_nor_does_its_log",
        ),
    ),
    Break(
        name="former-truck-moves-a-delivery",
        guarantee=3,
        file="consumer/transitions.py",
        text="return delivery.is_open and delivery.truck_id == truck_id",
        replacement="return delivery.is_open",
        tests=(
            f"{CHANGED}::test_a_delivery_first_seen_in_an_old_match_of_another_truck_is_not_accepted_up",
        ),
    ),
    Break(
        name="depots-deliveries-one-by-one",
        guarantee=6,
        file="consumer/transitions.py",
        text="        written.update(self._append_together(update, pending, here, budget))\n",
        replacement="",
        tests=(f"{TOGETHER}::test_a_depots_deliveries_are_read_and_appended_to_together",),
    ),
    Break(
        name="group-that-lost-a-race-given-up",
        guarantee=3,
        file="consumer/transitions.py",
        text="        except VersionConflict:\n            return False\n",
        replacement="        except VersionConflict:\n            return True\n",
        tests=(f"{TOGETHER}::test_a_declaration_on_one_of_many_is_respected_and_the_others_go_on",),
    ),
    Break(
        name="group-that-is-refused-given-up",
        guarantee=6,
        file="consumer/transitions.py",
        text="                raise\n            return False\n",
        replacement="                raise\n            return True\n",
        tests=(f"{TOGETHER}::test_what_is_rejected_of_one_of_many_is_parked_and_the_others_go_on",),
    ),
    Break(
        name="closed-delivery-moved",
        guarantee=3,
        file="consumer/transitions.py",
        text="return delivery.is_open and delivery.truck_id == truck_id",
        replacement="return delivery.truck_id == truck_id",
        tests=(f"{CHANGED}::test_a_closed_delivery_is_forgotten_and_gets_no_event",),
    ),
    Break(
        name="log-depends-on-where-batches-end",
        guarantee=3,
        file="rtdts/tracking/truck_fold.py",
        text="    for record in records:\n        fold.take(record)\n",
        replacement="    fold.take([point for record in records for point in record])\n",
        tests=(f"{STORY}::test_where_batches_end_does_not_matter",),
    ),
    Break(
        name="log-without-its-evidence",
        guarantee=3,
        file="consumer/transitions.py",
        text="            evidence=transition.evidence,\n",
        replacement="",
        tests=(
            f"{UNIT}/consumer/test_evidence_in_the_log.py"
            "::test_each_event_of_a_rule_has_its_evidence",
        ),
    ),
    Break(
        name="closed-delivery-changed",
        guarantee=3,
        file="delivery_lambda/decisions.py",
        text="if before is not None and not before.is_open:",
        replacement="if before is not None and before.status is Status.CANCELLED:",
        tests=(f"{DECISIONS}::test_a_closed_delivery_does_not_change",),
    ),
    Break(
        name="delivered-only-after-the-arrival",
        guarantee=3,
        file="delivery_lambda/decisions.py",
        text="    DeclaredType.DELIVERED: _OPEN,\n",
        replacement="    DeclaredType.DELIVERED: frozenset({Status.ARRIVED}),\n",
        tests=(f"{DECISIONS}::test_what_is_declared_is_legal_from_some_statuses_only",),
    ),
    Break(
        name="declaration-recorded-twice",
        guarantee=3,
        file="delivery_lambda/decisions.py",
        text="if event.idempotency_key == declaration.idempotency_key:",
        replacement="if False:",
        tests=(f"{DELIVERY}::test_a_declaration_is_recorded_once_a_key",),
    ),
    Break(
        name="transaction-repeated-under-another-token",
        guarantee=3,
        file="rtdts/delivery_store/transactions.py",
        text="ClientRequestToken=token",
        replacement="ClientRequestToken=str(uuid.uuid4())",
        tests=(
            f"{UNIT}/delivery_store/test_transactions.py"
            "::test_what_passes_is_tried_again_with_the_same_token",
        ),
    ),
    Break(
        name="row-ahead-of-its-log",
        guarantee=3,
        file="rtdts/delivery_store/appends.py",
        text="status=events[-1].status,",
        replacement="status=row.status,",
        tests=(
            f"{APPENDS}::test_each_transaction_fits_and_its_row_is_the_fold_of_the_log_up_to_it",
        ),
    ),
    # 4. Nobody receives anything of a delivery to which they have no right at that moment.
    Break(
        name="anothers-delivery-on-a-socket",
        guarantee=4,
        file="rtdts/tracking/viewing.py",
        text="return role == CUSTOMER and identity == delivery.customer_id",
        replacement="return role == CUSTOMER",
        tests=(
            f"{VIEWING}::test_no_one_else_has_a_right",
            f"{ROUND}::test_a_delivery_given_to_another_customer_between_rounds_ends",
            f"{SOCKET}::test_what_is_not_theirs_looks_as_if_it_did_not_exist",
        ),
    ),
    Break(
        name="every-viewer-tracks-anything",
        guarantee=4,
        file="socket_lambda/dispatch.py",
        text="return may_ever_view(delivery, role=viewer.role, identity=viewer.identity)",
        replacement="return True",
        tests=(f"{SOCKET}::test_what_is_not_theirs_looks_as_if_it_did_not_exist",),
    ),
    Break(
        name="every-caller-reads-anything",
        guarantee=4,
        file="delivery_lambda/access.py",
        text="return caller.identity == delivery.customer_id",
        replacement="return True",
        tests=(f"{DELIVERY}::test_for_all_others_it_does_not_exist",),
    ),
    Break(
        name="truck-reads-a-year",
        guarantee=4,
        file="delivery_lambda/access.py",
        text="return closed_at_ms > now_ms - TRUCK_SEES_CLOSED_FOR_MS",
        replacement="return True",
        tests=(
            f"{DELIVERY}::test_a_truck_sees_what_is_open_and_what_was_closed_within_the_last_day",
        ),
    ),
    Break(
        name="truck-lists-a-year",
        guarantee=4,
        file="delivery_lambda/access.py",
        text="if caller.role == TRUCK else None",
        replacement="if caller.role == CUSTOMER else None",
        tests=(
            f"{DELIVERY}::test_a_truck_sees_what_is_open_and_what_was_closed_within_the_last_day",
        ),
    ),
    Break(
        name="revoked-token-reads-deliveries",
        guarantee=4,
        file="delivery_lambda/handler.py",
        text="return token_revoked()",
        replacement="pass",
        tests=(f"{DELIVERY}::test_a_revoked_identity_is_401_within_15_s_on_every_route",),
    ),
    Break(
        name="revoked-token-opens-sockets",
        guarantee=4,
        file="socket_lambda/admission.py",
        text='return Denial(reason=DenialReason.NOT_VALID, detail="revoked")',
        replacement="pass",
        tests=(f"{AUTHORIZER}::test_a_revoked_token_opens_nothing_nor_does_a_ticket_that_it_got",),
    ),
    Break(
        name="revoked-token-tracks-on",
        guarantee=4,
        file="socket_lambda/dispatch.py",
        text="            viewer.role, viewer.identity, viewer.token, self.now_ms()\n",
        replacement="            viewer.role, '', viewer.token, self.now_ms()\n",
        tests=(f"{SOCKET}::test_an_open_socket_tracks_nothing_more_once_its_token_is_revoked",),
    ),
    Break(
        name="ticket-outlives-its-revoked-token",
        guarantee=4,
        file="socket_lambda/admission.py",
        text="token=Token(spent.token_id, spent.token_issued_at_ms),",
        replacement="token=Token('', 0),",
        tests=(f"{AUTHORIZER}::test_a_revoked_token_opens_nothing_nor_does_a_ticket_that_it_got",),
    ),
    Break(
        name="revoked-viewer-is-shown-more",
        guarantee=4,
        file="broadcaster/pushing.py",
        text="return Ended(reason=EndReason.TOKEN_EXPIRED)",
        replacement="pass",
        tests=(f"{REVOKED}::test_within_15_s_an_open_socket_is_shown_nothing_more",),
    ),
    Break(
        name="revoked-connection-stays-open",
        guarantee=4,
        file="broadcaster/pushing.py",
        text="if outcome is not Outcome.GONE and self._is_revoked(viewer, stored):",
        replacement="if outcome is Outcome.GONE and self._is_revoked(viewer, stored):",
        tests=(
            f"{REVOKED}::test_a_revoked_connection_is_ended_whether_it_reads_or_not",
            f"{REVOKED}::test_a_revoked_connection_that_could_not_be_ended_is_with_the_next_round",
        ),
    ),
    Break(
        name="revoked-connection-without-a-delivery-stays-open",
        guarantee=4,
        file="socket_lambda/dispatch.py",
        text="        self.poster.end(viewer.connection_id)\n",
        replacement="",
        tests=(f"{SOCKET}::test_whatever_a_revoked_connection_says_ends_it",),
    ),
    Break(
        name="contradicting-points-make-a-log-grow-without-end",
        guarantee=6,
        file="rtdts/tracking/delivery_log.py",
        text="    if log_length >= CORRECTED_EVENTS:",
        replacement="    if log_length < 0:",
        tests=(
            f"{TOGGLED}::test_contradicting_late_points_make_a_log_grow_to_a_bound_only",
            f"{TOGGLED}::test_what_a_truck_does_after_its_log_is_no_longer_corrected_is_logged_still",
        ),
    ),
    Break(
        name="settling-without-a-bound",
        guarantee=6,
        file="consumer/settling.py",
        text="while not refold.is_done and fixes < MAX_FIXES:",
        replacement="while not refold.is_done:",
        tests=(
            f"{UNIT}/consumer/test_settling_in_pages.py"
            "::test_a_settling_that_reads_too_much_is_cut_off_and_other_trucks_are_settled",
        ),
    ),
    Break(
        name="what-follows-a-long-log-is-lost",
        guarantee=6,
        file="rtdts/tracking/delivery_log.py",
        text="if _RANK[one.status] > last)",
        replacement="if _RANK[one.status] < 0)",
        tests=(
            f"{TOGGLED}::test_what_a_truck_does_after_its_log_is_no_longer_corrected_is_logged_still",
        ),
    ),
    Break(
        name="a-truck-declares-pickups-without-end",
        guarantee=6,
        file="delivery_lambda/decisions.py",
        text="_truck_pickups(log) >= MAX_TRUCK_PICKUPS",
        replacement="len(log) < 0",
        tests=(f"{DECISIONS}::test_a_truck_may_declare_ten_pickups_and_a_dispatcher_any_number",),
    ),
    Break(
        name="each-guess-of-a-phones-secret-is-read",
        guarantee=6,
        file="rtdts/delivery_store/known_devices.py",
        text="spend(address, 1, begun_at_ms)\n            self._keep_unknown",
        replacement="spend(key, 1, begun_at_ms)\n            self._keep_unknown",
        tests=(
            f"{DEVICES}::test_guesses_from_one_address_are_read_up_to_a_bound",
            f"{PHONES}::test_guesses_beyond_a_bound_are_429_and_read_nothing",
        ),
    ),
    Break(
        name="guesses-keep-phones-out",
        guarantee=6,
        file="rtdts/delivery_store/known_devices.py",
        text="        if known is None and (wait_ms := self._guesses",
        replacement="        if (wait_ms := self._guesses",
        tests=(f"{DEVICES}::test_guesses_keep_neither_cached_devices_nor_other_addresses_out",),
    ),
    Break(
        name="one-dispatcher-takes-every-thread-of-the-fleet",
        guarantee=6,
        file="broadcaster/fleet_followers.py",
        text='askers = {f"{one.role}:{one.identity}" for one in followers}',
        replacement="askers = {one.endpoint for one in followers}",
        tests=(
            f"{UNIT}/broadcaster/test_fleet_followers.py"
            "::test_the_questions_of_one_dispatcher_keep_no_other_waiting",
        ),
    ),
    Break(
        name="block-list-read-too-seldom",
        guarantee=4,
        file="rtdts/delivery_store/block_list.py",
        text="READ_EVERY_S: Final = 10.0",
        replacement="READ_EVERY_S: Final = 60.0",
        tests=(
            f"{TRUCK_QUOTA}::test_a_block_is_respected_within_15_s",
            f"{REVOKED}::test_within_15_s_an_open_socket_is_shown_nothing_more",
        ),
    ),
    Break(
        name="one-bad-item-lifts-all-blocks",
        guarantee=4,
        file="rtdts/delivery_store/blocked_identities.py",
        text="except NOT_ONE_OF_OURS as error:",
        replacement="except AssertionError as error:",
        tests=(f"{BLOCKED}::test_an_item_written_by_hand_lifts_no_other_block",),
    ),
    Break(
        name="truck-without-a-quota",
        guarantee=6,
        file="ingest_lambda/service.py",
        text="requests=1, points=0, now_ms=received_at_ms",
        replacement="requests=0, points=0, now_ms=received_at_ms",
        tests=(
            f"{TRUCK_QUOTA}::test_requests_beyond_the_burst_are_429_until_the_quota_allows_more",
        ),
    ),
    Break(
        name="quota-judged-after-the-work",
        guarantee=6,
        file="ingest_lambda/service.py",
        text="        if (rejection := self._blocked(sender, received_at_ms)) is not None:",
        replacement="        read_body()\n"
        "        if (rejection := self._blocked(sender, received_at_ms)) is not None:",
        tests=(f"{TRUCK_QUOTA}::test_the_body_of_a_truck_over_its_quota_is_not_even_unpacked",),
    ),
    Break(
        name="secret-stored-as-it-is",
        guarantee=4,
        file="rtdts/delivery_store/devices.py",
        text="return hashlib.sha256(secret.encode()).hexdigest()",
        replacement="return secret",
        tests=(f"{DEVICES}::test_only_the_hash_of_a_secret_is_stored",),
    ),
    Break(
        name="secret-shown-into-a-log",
        guarantee=4,
        file="deploy/run_operation.py",
        text='if args.operation[:2] == ["device", "add"]:',
        replacement='if args.operation[:2] == ["devices", "add"]:',
        tests=(
            f"{UNIT}/deploy/test_run_operation.py::"
            "test_a_command_that_shows_a_secret_is_not_run_where_a_log_keeps_it",
        ),
    ),
    Break(
        name="guess-costs-a-reading",
        guarantee=6,
        file="rtdts/delivery_store/known_devices.py",
        text="if not is_secret(secret):",
        replacement="if not secret:",
        tests=(
            f"{DEVICES}::test_what_can_be_no_secret_costs_no_reading",
            f"{PHONES}::test_a_guess_of_the_wrong_form_costs_no_reading",
        ),
    ),
    Break(
        name="short-secrets",
        guarantee=4,
        file="rtdts/delivery_store/devices.py",
        text="SECRET_LENGTH: Final = 26",
        replacement="SECRET_LENGTH: Final = 12",
        tests=(f"{DEVICES}::test_secrets_have_at_least_128_bits_and_are_never_the_same",),
    ),
    Break(
        name="revoked-device-goes-on",
        guarantee=4,
        file="rtdts/delivery_store/known_devices.py",
        text="READ_EVERY_S: Final = 10.0",
        replacement="READ_EVERY_S: Final = 60.0",
        tests=(
            f"{DEVICES}::test_a_revoked_device_is_unknown_within_ten_seconds",
            f"{PHONES}::test_a_revoked_device_is_401_within_ten_seconds",
        ),
    ),
    Break(
        name="phone-chooses-its-truck",
        guarantee=4,
        file="ingest_lambda/phones.py",
        text="if device is None or device.truck_id != truck_id:",
        replacement="if device is None:",
        tests=(f"{PHONES}::test_a_secret_of_one_truck_is_no_other_truck",),
    ),
    Break(
        name="secret-taken-from-a-url",
        guarantee=4,
        file="ingest_lambda/phones.py",
        text='if event.get("rawQueryString"):',
        replacement='if event.get("rawQuery"):',
        tests=(f"{PHONES}::test_a_url_with_a_query_is_rejected_even_with_a_good_body",),
    ),
    Break(
        name="bad-position-holds-up-a-phone",
        guarantee=6,
        file="ingest_lambda/phones.py",
        text="_NEVER_GOOD = (HTTPStatus.ACCEPTED, HTTPStatus.BAD_REQUEST)",
        replacement="_NEVER_GOOD = (HTTPStatus.ACCEPTED,)",
        tests=(
            f"{PHONES}::test_what_no_repetition_makes_good_is_200_and_holds_up_nothing",
            f"{PHONES}::test_owntracks_other_messages_are_200_too",
        ),
    ),
    Break(
        name="phones-loss-reported-as-accepted",
        guarantee=1,
        file="ingest_lambda/phones.py",
        text='if handled.response["statusCode"] not in _NEVER_GOOD:',
        replacement="if handled.fields is None:",
        tests=(f"{PHONES}::test_what_the_stream_did_not_take_is_sent_again",),
    ),
    Break(
        name="guesses-fill-the-log",
        guarantee=6,
        file="ingest_lambda/phones.py",
        text='        self._lines.spend("", 1, now_ms)\n',
        replacement="",
        tests=(f"{PHONES}::test_guessing_writes_a_line_of_the_log_now_and_then_only",),
    ),
    Break(
        name="phones-body-of-any-size",
        guarantee=6,
        file="ingest_lambda/phones.py",
        text="MAX_BODY_BYTES: Final = 65_536",
        replacement="MAX_BODY_BYTES: Final = 6_553_600",
        tests=(f"{PHONES}::test_a_body_over_the_limit_is_413",),
    ),
    Break(
        name="speed-of-owntracks-as-it-is",
        guarantee=3,
        file="rtdts/tracking/owntracks.py",
        text="_MPS_PER_KMH = 1 / 3.6",
        replacement="_MPS_PER_KMH = 1.0",
        tests=(f"{OWNTRACKS}::test_a_location_of_the_booklet_is_a_point_in_our_units",),
    ),
    Break(
        name="minus-one-is-a-reading",
        guarantee=1,
        file="rtdts/tracking/phone_points.py",
        text="if value is not None and field_is_good({name: value}, name, TelemetryPoint):",
        replacement="if value is not None:",
        tests=(
            f"{OWNTRACKS}::test_a_reading_that_is_none_is_left_out",
            f"{TRACCAR}::test_minus_one_is_no_reading",
        ),
    ),
    Break(
        name="full-shard-holds-lambdas",
        guarantee=6,
        file="ingest_lambda/settings.py",
        text="default=2.5,",
        replacement="default=20.0,",
        tests=(f"{INGEST}::test_attempts_to_put_end_inside_the_lambdas_time",),
    ),
    Break(
        name="greedy-truck-is-not-blocked",
        guarantee=6,
        file="consumer/quota.py",
        text="if wait_ms >= BLOCK_FROM_MS else 0",
        replacement="if wait_ms < 0 else 0",
        tests=(
            f"{QUOTA_WATCH}::test_a_truck_over_its_points_is_blocked_for_as_long_as_it_overdrew",
        ),
    ),
    Break(
        name="old-excess-blocks-now",
        guarantee=6,
        file="consumer/quota.py",
        text="points=len(of_request), now_ms=arrived_at_ms",
        replacement="points=len(of_request), now_ms=self._now_ms()",
        tests=(f"{QUOTA_WATCH}::test_what_arrived_long_ago_blocks_no_one_now",),
    ),
    Break(
        name="replay-blocks-trucks",
        guarantee=6,
        file="consumer/quota.py",
        text="_FRESH_MS: Final = 60_000",
        replacement="_FRESH_MS: Final = 1 << 60",
        tests=(f"{QUOTA_WATCH}::test_an_operators_replay_blocks_no_truck",),
    ),
    Break(
        name="caller-without-a-quota",
        guarantee=6,
        file="delivery_lambda/handler.py",
        text="app.requests.spend(caller.actor, 1, now_ms)",
        replacement="app.requests.spend(caller.actor, 0, now_ms)",
        tests=(f"{DELIVERY}::test_requests_beyond_the_quota_are_429_and_read_nothing",),
    ),
    Break(
        name="round-the-edge-to-deliveries",
        guarantee=6,
        file="delivery_lambda/handler.py",
        text='if not app.edge.passed(event.get("headers")):',
        replacement="if False:",
        tests=(f"{DELIVERY}::test_what_goes_round_the_edge_is_403",),
    ),
    Break(
        name="round-the-edge-to-sockets",
        guarantee=6,
        file="socket_lambda/admission.py",
        text='if not edge.passed(event.get("headers")):',
        replacement="if False:",
        tests=(f"{AUTHORIZER}::test_what_goes_round_the_edge_opens_nothing_and_spends_nothing",),
    ),
    Break(
        name="any-text-costs-a-write",
        guarantee=6,
        file="socket_lambda/admission.py",
        text="tickets.spend(ticket, now_ms) if is_ticket(ticket) else None",
        replacement="tickets.spend(ticket, now_ms)",
        tests=(f"{AUTHORIZER}::test_what_cannot_be_a_ticket_costs_no_write",),
    ),
    Break(
        name="viewing-ends-when-a-truck-says",
        guarantee=4,
        file="rtdts/tracking/viewing.py",
        text="ended_at_ms = delivery.end_recorded_at_ms",
        replacement="ended_at_ms = delivery.closed_at_ms",
        tests=(f"{VIEWING}::test_a_delivery_that_came_to_its_end_stays_for_the_viewing_minutes",),
    ),
    Break(
        name="doubted-end-hides-where-the-truck-went",
        guarantee=4,
        file="delivery_lambda/decisions.py",
        text="closed_at_ms = now_ms if doubts else at_ms",
        replacement="closed_at_ms = at_ms",
        tests=(
            f"{DECISIONS}"
            "::test_an_end_that_the_sensors_contradict_is_accepted_flagged_and_hides_nothing",
            f"{DELIVERY}::test_a_truck_that_claims_an_end_at_the_beginning_blinds_no_one",
        ),
    ),
    Break(
        name="declared-for-another-trucks-time",
        guarantee=4,
        file="delivery_lambda/decisions.py",
        text="if at_ms < delivery.current.started_at_ms:",
        replacement="if at_ms < delivery.created_at_ms:",
        tests=(f"{DECISIONS}::test_a_truck_says_nothing_of_the_time_before_its_assignment",),
    ),
    Break(
        name="keys-over-plain-http",
        guarantee=4,
        file="socket_lambda/signing_keys.py",
        text='parts.scheme == "http" and ipaddress.ip_address(host).is_loopback',
        replacement='parts.scheme == "http"',
        tests=(
            f"{UNIT}/socket_lambda/test_tokens.py"
            "::test_only_https_is_fetched_unless_it_is_this_machine",
        ),
    ),
    Break(
        name="keys-from-where-a-redirect-leads",
        guarantee=4,
        file="socket_lambda/signing_keys.py",
        text="urllib.request.build_opener(_NoRedirects)",
        replacement="urllib.request.build_opener()",
        tests=("tests/integration/test_fetching_keys.py::test_a_redirect_is_not_followed",),
    ),
    Break(
        name="erased-delivery-named-again",
        guarantee=8,
        file="consumer/truck_states.py",
        text="        take_out(truck_id, erased)\n",
        replacement="",
        tests=(
            f"{ERASED}::test_a_batch_in_the_middle_of_which_a_delivery_is_erased_takes_its_name_"
            "back",
            f"{ERASED}::test_a_settling_in_the_middle_of_which_a_delivery_is_erased_takes_its_name_"
            "back",
        ),
    ),
    Break(
        name="erased-in-its-first-batch-stored",
        guarantee=8,
        file="consumer/truck_states.py",
        text="erased = frozenset(one.delivery_id for one in state_to_write.deliveries) - kept",
        replacement="erased = frozenset[str]()",
        tests=(
            f"{ERASED}::test_a_delivery_that_is_erased_in_its_trucks_first_batch_with_it_leaves_"
            "nothing",
        ),
    ),
    Break(
        name="latest-written-again-keeps-the-name",
        guarantee=8,
        file="rtdts/position_store/writer.py",
        text='version_type="external_gte",\n        ),\n        document=encode_latest',
        replacement='version_type="external",\n        ),\n        document=encode_latest',
        tests=(
            f"{UNIT}/position_store/test_position_writes.py"
            "::test_a_latest_position_is_written_under_its_own_version_only",
        ),
    ),
    Break(
        name="documents-before-the-tombstones",
        guarantee=8,
        file="operations/erase_customer.py",
        text="            if not delivery.is_buried:\n",
        replacement="            if False:\n",
        tests=(f"{ERASE}::test_a_customer_goes_everywhere_and_another_nowhere",),
    ),
    Break(
        name="erased-delivery-created-again",
        guarantee=8,
        file="rtdts/delivery_store/deliveries.py",
        text="if before is None and ERASED_ATTRIBUTE in (self._item(after.delivery_id) or {}):",
        replacement="if False:",
        tests=(
            f"{DELIVERY}::test_a_delivery_that_was_erased_does_not_come_back_with_a_plan_that_is_"
            "sent_again",
        ),
    ),
    Break(
        name="right-as-old-as-the-round",
        guarantee=4,
        file="broadcaster/pushing.py",
        text="RIGHT_MAX_AGE_S: Final = 2.0",
        replacement="RIGHT_MAX_AGE_S: Final = 60.0",
        tests=(f"{ROUND}::test_nothing_is_posted_on_rights_that_can_only_be_read_too_late",),
    ),
    Break(
        name="right-not-looked-at-once-connected",
        guarantee=4,
        file="broadcaster/connection_pool.py",
        text="if write_by.passed:",
        replacement="if False:",
        tests=(
            "tests/integration/test_connection_pool.py"
            "::test_a_request_whose_time_passes_while_it_connects_is_not_written",
            "tests/integration/test_connection_pool.py"
            "::test_a_request_whose_time_passes_before_it_goes_once_more_does_not",
        ),
    ),
    Break(
        name="right-that-ended-while-connecting-taken-for-a-failure",
        guarantee=5,
        file="broadcaster/pushing.py",
        text="PostOutcome.TOO_LATE: Outcome.RIGHT_TOO_OLD",
        replacement="PostOutcome.TOO_LATE: Outcome.FAILED",
        tests=(
            f"{ROUND}::test_a_delivery_given_away_while_a_connection_is_made_slowly_is_not_shown",
        ),
    ),
    Break(
        name="former-truck-shown",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="if truck_id != self.truck_id or at_ms < self.start_ms:",
        replacement="if at_ms < self.start_ms:",
        tests=(f"{SCOPE}::test_after_a_transfer_only_the_new_truck_is_shown_and_only_since_then",),
    ),
    Break(
        name="truck-shown-before-its-assignment",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="if truck_id != self.truck_id or at_ms < self.start_ms:",
        replacement="if truck_id != self.truck_id:",
        tests=(f"{SCOPE}::test_a_track_is_cut_to_the_assignment",),
    ),
    Break(
        name="slow-clock-shown-after-the-end",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="return self.end_ms is None or at_ms < self.end_ms",
        replacement="return True",
        tests=(
            f"{SCOPE}::test_a_truck_with_a_slow_clock_is_shown_from_when_it_was_assigned_to_"
            "when_it_ended",
        ),
    ),
    Break(
        name="slow-clock-counts-before-the-assignment",
        guarantee=4,
        file="rtdts/tracking/clock_lag.py",
        text="return min(clock.lag_ms, elapsed_ms)",
        replacement="return clock.lag_ms",
        tests=(
            f"{CLOCK_LAG}::test_a_point_counts_as_later_by_the_lag_and_never_as_later_than_its_"
            "receipt",
        ),
    ),
    Break(
        name="backlog-taken-for-a-slow-clock",
        guarantee=4,
        file="rtdts/tracking/clock_lag.py",
        text=" and RUN_SPREADS * (greatest_ms - least_ms) <= lasted_ms",
        replacement="",
        tests=(f"{CLOCK_LAG}::test_a_clock_is_not_slow_for_what_the_network_and_the_device_do",),
    ),
    Break(
        name="slow-clock-hidden-in-assigned",
        guarantee=3,
        file="rtdts/tracking/delivery_state.py",
        text="if fix.counts_at_ms >= delivery_state.anchor.from_ms:",
        replacement="if fix.event_at_ms >= delivery_state.anchor.from_ms:",
        tests=(f"{SLOW_CLOCK}::test_the_delivery_of_a_truck_with_a_slow_clock_goes_all_its_way",),
    ),
    Break(
        name="slow-clock-hidden-from-viewers",
        guarantee=5,
        file="rtdts/tracking/viewer_scope.py",
        text="at_ms = point.counts_at_ms",
        replacement="at_ms = point.event_at_ms",
        tests=(f"{SLOW_CLOCK}::test_viewers_see_the_truck_and_how_old_its_position_says_it_is",),
    ),
    Break(
        name="late-points-of-a-slow-clock-do-not-count",
        guarantee=3,
        file="rtdts/tracking/settling.py",
        text="return fix.counts_at_ms >= anchor.from_ms",
        replacement="return fix.event_at_ms >= anchor.from_ms",
        tests=(
            f"{SLOW_CLOCK}::test_late_points_of_a_slow_clock_are_settled_where_they_belong",
            f"{SLOW_CLOCK}::test_whatever_a_clock_does_the_log_folds_to_the_timeline",
        ),
    ),
    Break(
        name="track-since-the-assignment",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="        delivery.updated_at_ms if shown_from_ms is None else shown_from_ms,\n",
        replacement="",
        tests=(
            f"{SCOPE}::test_a_customer_sees_the_truck_from_when_it_moved_off_and_a_dispatcher_all_"
            "the_while",
        ),
    ),
    Break(
        name="slow-clock-shown-while-assigned",
        guarantee=4,
        file="consumer/transitions.py",
        text="event.status, event.effective_at_ms + lag_ms)",
        replacement="event.status, event.effective_at_ms)",
        tests=(f"{SLOW_CLOCK}::test_a_slow_truck_is_shown_from_when_it_moved_off_by_our_clock",),
    ),
    Break(
        name="former-customers-track",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="        delivery.customer_since_ms,\n",
        replacement="",
        tests=(
            f"{SCOPE}::test_another_customer_does_not_get_the_former_ones_track",
            f"{NUDGES}::test_another_customer_gets_nothing_of_the_former_ones_time",
        ),
    ),
    Break(
        name="former-customers-events",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="first = delivery.customer_since_version if is_customer else 1",
        replacement="first = 1",
        tests=(
            f"{NUDGES}::test_another_customer_gets_nothing_of_the_former_ones_time",
            f"{DELIVERY}::test_another_customer_gets_no_event_of_the_former_ones_time",
        ),
    ),
    Break(
        name="former-customers-time-not-noted",
        guarantee=4,
        file="delivery_lambda/decisions.py",
        text="since_ms, since_version = at_ms, before.version + 1",
        replacement="pass",
        tests=(
            f"{DECISIONS}::test_only_another_customer_begins_the_customers_time_anew",
            f"{DELIVERY}::test_another_customer_gets_no_event_of_the_former_ones_time",
        ),
    ),
    Break(
        name="wider-policy-opens-the-past",
        guarantee=4,
        file="delivery_lambda/decisions.py",
        text="shown_from(before.shown_from_ms if goes_on else None, status, at_ms)",
        replacement="shown_from(before.shown_from_ms, status, at_ms)",
        tests=(
            f"{DECISIONS}::test_another_customer_truck_or_policy_opens_nothing_that_was_before",
        ),
    ),
    Break(
        name="stop-that-is-not-next-shown",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="if stops is None or not stops.is_next(delivery.delivery_id):",
        replacement="if stops is None:",
        tests=(
            f"{SCOPE}::test_the_next_stop_sees_the_truck_and_the_one_after_it_the_status_alone",
            f"{ROUND}::test_the_customer_after_the_next_receives_the_status_without_a_position",
            f"{NUDGES}::test_a_snapshot_of_a_stop_that_is_not_next_shows_the_status_alone",
        ),
    ),
    Break(
        name="door-of-the-stop-before-shown",
        guarantee=4,
        file="rtdts/tracking/viewer_scope.py",
        text="start_ms = max(scope.start_ms, stops.changed_at_ms)",
        replacement="start_ms = scope.start_ms",
        tests=(
            f"{SCOPE}::test_who_becomes_next_does_not_see_where_the_truck_was_for_those_before",
            f"{ROUND}::test_who_becomes_next_sees_the_truck_once_it_has_left_the_stop_before",
        ),
    ),
    Break(
        name="stop-left-without-a-mark",
        guarantee=4,
        file="rtdts/delivery_store/matches.py",
        text='f"SET {_CHANGED_AT} = :at REMOVE matches.#delivery"',
        replacement='"REMOVE matches.#delivery"',
        tests=(
            f"{STORE}::test_a_trucks_stops_say_their_order_and_when_one_last_left_or_changed_it",
        ),
    ),
    Break(
        name="stops-shown-while-unknown",
        guarantee=4,
        file="rtdts/tracking/truck_stops.py",
        text="if own is None or not self.is_whole:\n            return False",
        replacement="if own is None:\n            return True",
        tests=(f"{SCOPE}::test_nothing_is_shown_while_it_is_not_known_what_comes_first",),
    ),
    Break(
        name="stops-as-old-as-the-round",
        guarantee=4,
        file="broadcaster/stops.py",
        text="        if not trucks:\n            return {}\n",
        replacement=(
            "        if not trucks:\n            return {}\n"
            "        if hasattr(self, 'kept'):\n            return self.kept\n"
            "        self.kept = self._stops.stops_of(sorted(trucks))\n        return self.kept\n"
        ),
        tests=(
            f"{ROUND}"
            "::test_a_stop_that_is_put_before_another_while_a_chunk_is_read_hides_the_truck",
        ),
    ),
    Break(
        name="one-message-for-all-viewers",
        guarantee=4,
        file="broadcaster/update_messages.py",
        text="key = (delivery.delivery_id, right.access)",
        replacement="key = (delivery.delivery_id, Access.FULL)",
        tests=(
            f"{ROUND}::test_while_assigned_a_customer_receives_the_status_"
            "and_a_dispatcher_where_the_truck_is",
        ),
    ),
    Break(
        name="right-read-from-a-replica",
        guarantee=4,
        file="rtdts/delivery_store/batches.py",
        text='"ConsistentRead": True',
        replacement='"ConsistentRead": False',
        tests=(
            f"{UNIT}/delivery_store/test_batches.py"
            "::test_a_request_takes_a_hundred_keys_and_reads_consistently",
        ),
    ),
    Break(
        name="point-of-another-truck-taken",
        guarantee=4,
        file="rtdts/tracking/telemetry.py",
        text="            raise ForeignTruckError(index)\n",
        replacement="            continue\n",
        tests=(f"{INGEST}::test_a_point_of_another_truck_is_403_and_nothing_is_accepted",),
    ),
    Break(
        name="ticket-good-for-ever",
        guarantee=4,
        file="rtdts/delivery_store/tickets.py",
        text='"expires_at_ms > :now"',
        replacement='"attribute_exists(ticket_hash) OR expires_at_ms > :now"',
        tests=("tests/contract/test_ticket_contract.py::test_a_late_ticket_is_worth_nothing",),
    ),
    Break(
        name="token-for-another-audience",
        guarantee=4,
        file="socket_lambda/tokens.py",
        text="if self._audience not in named:",
        replacement="if not named:",
        tests=(
            f"{UNIT}/socket_lambda/test_tokens.py::test_a_token_that_proves_nothing_is_rejected",
        ),
    ),
    Break(
        name="share-is-good-after-its-revocation",
        guarantee=4,
        file="rtdts/tracking/shares.py",
        text="return self.revoked_at_ms is None and now_ms < self.expires_at_ms",
        replacement="return now_ms < self.expires_at_ms",
        tests=(
            f"{SHARING}::test_after_a_revocation_a_token_opens_nothing",
            f"{BY_SHARE}::test_without_a_live_share_there_is_no_right",
            f"{SHARE_VIEWERS}::test_no_kind_of_nudge_shows_a_revoked_share_anything",
        ),
    ),
    Break(
        name="share-never-expires",
        guarantee=4,
        file="rtdts/tracking/shares.py",
        text="return self.revoked_at_ms is None and now_ms < self.expires_at_ms",
        replacement="return self.revoked_at_ms is None",
        tests=(
            f"{SHARING}::test_all_that_opens_nothing_gets_the_same_response",
            f"{BY_SHARE}::test_without_a_live_share_there_is_no_right",
        ),
    ),
    Break(
        name="share-outlives-its-customer",
        guarantee=4,
        file="rtdts/tracking/shares.py",
        text="            delivery.customer_since_version,",
        replacement="            self.customer_since_version,",
        tests=(
            f"{SHARING}::test_all_that_opens_nothing_gets_the_same_response",
            f"{BY_SHARE}::test_a_share_ends_when_the_delivery_goes_to_another_customer",
            f"{SHARE_VIEWERS}::test_a_share_ends_when_its_delivery_goes_to_another_customer",
        ),
    ),
    Break(
        name="share-of-one-delivery-shows-another",
        guarantee=4,
        file="rtdts/tracking/shares.py",
        text="            delivery.delivery_id,",
        replacement="            self.delivery_id,",
        tests=(f"{BY_SHARE}::test_a_share_of_another_delivery_shows_nothing",),
    ),
    Break(
        name="share-opens-its-delivery-for-ever",
        guarantee=4,
        file="delivery_lambda/sharing.py",
        text="        return None if is_over else delivery",
        replacement="        return delivery",
        tests=(f"{SHARING}::test_a_share_opens_a_closed_delivery_for_as_long_as_it_may_be_viewed",),
    ),
    Break(
        name="share-socket-tracks-any-delivery",
        guarantee=4,
        file="socket_lambda/dispatch.py",
        text="if viewer.role == SHARE and viewer.delivery_id != delivery_id:",
        replacement="if viewer.role == SHARE and not viewer.delivery_id:",
        tests=(f"{SHARE_SOCKETS}::test_another_delivery_looks_as_if_it_did_not_exist",),
    ),
    Break(
        name="token-may-say-it-is-a-share",
        guarantee=4,
        file="socket_lambda/admission.py",
        text="        return bool(holder.delivery_id)  # only a ticket holds one",
        replacement="        return True",
        tests=(f"{SHARE_SOCKETS}::test_a_token_that_says_it_is_a_share_opens_nothing",),
    ),
    Break(
        name="blocked-share-gives-tickets",
        guarantee=4,
        file="delivery_lambda/sharing.py",
        text=" or blocks.revoking(SHARE, share.share_id, NO_TOKEN, now_ms):",
        replacement=":",
        tests=(f"{SHARING}::test_all_that_opens_nothing_gets_the_same_response",),
    ),
    Break(
        name="made-up-share-tokens-are-looked-up",
        guarantee=6,
        file="delivery_lambda/sharing.py",
        text="if not is_share_token(token):",
        replacement='if "~" not in token:',
        tests=(f"{SHARING}::test_what_cannot_be_a_token_costs_no_request",),
    ),
    Break(
        name="one-link-reads-and-writes-without-end",
        guarantee=6,
        file="delivery_lambda/sharing.py",
        text="        self._attempts.spend(token, 1, now_ms)",
        replacement="        self._attempts.spend(token, 0, now_ms)",
        tests=(
            f"{SHARING}::test_a_flood_by_one_link_is_bounded_and_rejected_before_anything_is_read",
            f"{SHARING}::test_a_flood_with_a_made_up_token_is_rejected_like_one_with_a_real_one",
        ),
    ),
    Break(
        name="each-container-gives-a-share-its-own-burst",
        guarantee=6,
        file="delivery_lambda/sharing.py",
        text="if not self._shares.take_ticket(key, rate, now_ms=now_ms):",
        replacement="if self._shares.take_ticket(key, rate, now_ms=now_ms) is None:",
        tests=(f"{SHARING}::test_a_flood_through_many_containers_is_bounded_too",),
    ),
    Break(
        name="strangers-without-a-token-fill-the-log",
        guarantee=6,
        file="delivery_lambda/handler.py",
        text='    if app.rejection_lines.wait_ms("", now_ms) > 0:',
        replacement="    if now_ms < 0:",
        tests=(f"{SHARING}::test_strangers_fill_no_log",),
    ),
    Break(
        name="shares-that-are-unavailable-end-rounds",
        guarantee=6,
        file="broadcaster/pushing.py",
        text="        is_unknown = stored.shares is None and _has_share(viewer)",
        replacement="        is_unknown = stored.shares is None",
        tests=(
            f"{SHARE_VIEWERS}::test_shares_that_cannot_be_read_hold_up_no_token_and_end_nothing",
        ),
    ),
    Break(
        name="any-page-opens-sockets",
        guarantee=4,
        file="socket_lambda/admission.py",
        text='    if not origins.allow(event.get("headers")):',
        replacement="    if origins.allow(None) is None:",
        tests=(
            f"{SHARE_SOCKETS}::test_a_page_of_another_origin_opens_no_socket_and_spends_no_ticket",
            f"{SHARE_SOCKETS}::test_a_page_of_another_origin_opens_no_socket_by_a_token_either",
        ),
    ),
    Break(
        name="any-page-gets-tickets",
        guarantee=4,
        file="delivery_lambda/handler.py",
        text='in _FOR_PAGES and not app.origins.allow(event.get("headers")):',
        replacement="in _FOR_PAGES and app.origins is None:",
        tests=(f"{SHARING}::test_a_page_of_another_origin_gets_no_ticket",),
    ),
    Break(
        name="origin-that-begins-like-an-allowed-one",
        guarantee=4,
        file="rtdts/runtime/origins.py",
        text="return len(sent) == 1 and sent[0] in self._allowed",
        replacement="return len(sent) == 1 and sent[0].startswith(self._allowed)",
        tests=(f"{ORIGINS}::test_no_other_page_is_allowed",),
    ),
    Break(
        name="every-caller-reads-where-trucks-were",
        guarantee=4,
        file="track_lambda/handler.py",
        text="if caller is None or caller.role not in CALLERS:",
        replacement="if caller is None:",
        tests=(f"{TRACK}::test_only_dispatchers_read_where_trucks_were",),
    ),
    Break(
        name="track-of-any-length-is-searched",
        guarantee=6,
        file="track_lambda/requests.py",
        text="if to_ms - from_ms > MAX_INTERVAL_MS:",
        replacement="if to_ms - from_ms > 366 * MAX_INTERVAL_MS:",
        tests=(f"{TRACK}::test_what_is_wrong_is_named",),
    ),
    Break(
        name="one-dispatcher-reads-tracks-without-end",
        guarantee=6,
        file="track_lambda/handler.py",
        text="    app.pages.spend(caller.actor, 1, now_ms)\n",
        replacement="",
        tests=(f"{TRACK}::test_pages_beyond_a_dispatchers_quota_are_429_and_search_nothing",),
    ),
    # 5. A viewer hears of each tracked delivery at least once a minute.
    Break(
        name="no-round-at-the-start",
        guarantee=5,
        file="broadcaster/round_clock.py",
        text="return Tick(now_ms // interval_ms * interval_ms, 0)",
        replacement="return Tick((now_ms // interval_ms + 1) * interval_ms, 0)",
        tests=(f"{CLOCK}::test_the_first_round_is_at_once",),
    ),
    Break(
        name="missed-minutes-pile-up",
        guarantee=5,
        file="broadcaster/round_clock.py",
        text="due_at_ms = running_ms if running_ms > last.due_at_ms else running_ms + interval_ms",
        replacement="due_at_ms = last.due_at_ms + interval_ms",
        tests=(f"{CLOCK}::test_missed_minutes_never_pile_up",),
    ),
    Break(
        name="track-anew-removed-with-the-old-one",
        guarantee=5,
        file="rtdts/delivery_store/subscriptions.py",
        text='"subscribed_at_ms = :time", read.topic',
        replacement='"subscribed_at_ms > :time", read.topic',
        tests=(
            "tests/contract/test_subscription_contract.py"
            "::test_what_was_begun_anew_since_it_was_read_is_not_forgotten",
        ),
    ),
    Break(
        name="half-of-the-buckets",
        guarantee=5,
        file="broadcaster/round_source.py",
        text="for place in range(BUCKETS)]",
        replacement="for place in range(BUCKETS // 2)]",
        tests=(f"{CLOCK}::test_one_broadcaster_alone_holds_every_bucket_of_every_round",),
    ),
    Break(
        name="buckets-are-distinguished-by-sender",
        guarantee=5,
        file="rtdts/push_queue/due_buckets.py",
        text='return f"{self.bucket}:{self.due_at_ms}"',
        replacement='return f"{self.bucket}:{self.due_at_ms}:{id(self)}"',
        tests=(
            f"{SHARED}::test_each_bucket_runs_once_a_round_on_either_of_two",
            "tests/contract/test_round_queue_contract.py"
            "::test_a_round_is_given_out_once_however_often_it_was_sent",
        ),
    ),
    Break(
        name="share-deleted-before-it-is-held",
        guarantee=5,
        file="broadcaster/shared_rounds.py",
        text="        return await hold(share, begun=begun)\n",
        replacement="""\
        await self._delete(claimed)
        return await hold(share, begun=begun)
""",
        tests=(
            f"{SHARED}::test_what_is_not_held_when_the_time_is_up_is_given_back_and_not_deleted",
        ),
    ),
    Break(
        name="what-hangs-is-kept-for-ever",
        guarantee=5,
        file="broadcaster/shared_rounds.py",
        text="if self._is_old(due_at_ms):  # its buckets' next round",
        replacement="if False:  # its buckets' next round",
        tests=(f"{SHARED}::test_what_hangs_is_not_kept_past_the_next_round",),
    ),
    Break(
        name="always-the-same-buckets-last",
        guarantee=5,
        file="broadcaster/shared_rounds.py",
        text="self._order.left_out(one.message.bucket for one in claimed)",
        replacement="pass",
        tests=(f"{SHARED}::test_who_was_left_out_comes_first_until_all_have_been_held",),
    ),
    Break(
        name="places-in-a-round-move",
        guarantee=5,
        file="broadcaster/sending_order.py",
        text="default=last)",
        replacement="default=last + 101)",
        tests=(f"{SHARED}::test_a_place_in_the_round_stays_while_nothing_is_left_out",),
    ),
    Break(
        name="a-blind-broadcaster-takes-all",
        guarantee=5,
        file="broadcaster/shared_rounds.py",
        text="return report.was_blind and not self._is_old(report.due_at_ms)",
        replacement="return False",
        tests=(f"{SHARED}::test_a_blind_broadcaster_gives_back_and_leaves_all_to_one_that_reads",),
    ),
    Break(
        name="any-failure-taken-for-gone",
        guarantee=5,
        file="broadcaster/pushing.py",
        text="is_over = outcome is Outcome.GONE or (",
        replacement="is_over = outcome in (Outcome.GONE, Outcome.FAILED) or (",
        tests=(f"{ROUND}::test_a_failed_post_is_no_reason_to_drop_a_viewer",),
    ),
    Break(
        name="change-found-written-is-not-pushed",
        guarantee=5,
        file="consumer/transitions.py",
        text="""\
                settlement.delivery_state,
                settlement.already_there,
                has_moved_times""",
        replacement="""\
                settlement.delivery_state,
                (),
                has_moved_times""",
        tests=(
            f"{PIPELINE}::test_a_worker_killed_at_any_step_and_the_same_batch_again_gives_the_same",
        ),
    ),
    Break(
        name="what-a-crash-left-unsent-stays-unsent",
        guarantee=5,
        file="consumer/transitions.py",
        text="versions = (*settlement.already_there, *(event.version for event in new))",
        replacement="versions = tuple(event.version for event in new)",
        tests=(
            f"{PIPELINE}::test_a_batch_that_comes_again_with_more_nudges_what_a_crash_left_unsent",
        ),
    ),
    Break(
        name="unreadable-row-taken-for-none",
        guarantee=5,
        file="broadcaster/pushing.py",
        text="if is_unknown or viewer.delivery_id in stored.found.unreadable:",
        replacement="if is_unknown:",
        tests=(f"{ROUND}::test_a_row_that_cant_be_read_ends_no_subscription",),
    ),
    # 6. One slow, dead or hostile viewer, truck or record delays no other.
    Break(
        name="one-410-ends-a-round",
        guarantee=6,
        file="broadcaster/pushing.py",
        text="            await self._remove(viewer)\n",
        replacement="            raise ConnectionError(viewer.endpoint)\n",
        tests=(f"{ROUND}::test_one_that_is_gone_ends_no_round_and_is_forgotten",),
    ),
    Break(
        name="an-unknown-kind-of-endpoint-spoils-a-chunk",
        guarantee=6,
        file="broadcaster/senders.py",
        text="self._unknown(endpoint) if channel is None else await channel.sender.end(name)",
        replacement="await self._channels[kind].sender.end(name)",
        tests=(
            f"{REVOKED}::test_a_revoked_viewer_whose_endpoint_is_of_unknown_kind_affects_no_other",
        ),
    ),
    Break(
        name="one-post-after-another",
        guarantee=6,
        file="broadcaster/pushing.py",
        text="""\
        tasks = [
            asyncio.create_task(self._push_one(viewer, reading, reserved, post))
            for viewer in viewers
        ]
""",
        replacement="""\
        tasks = []
        for viewer in viewers:
            tasks.append(asyncio.create_task(self._push_one(viewer, reading, reserved, post)))
            await asyncio.wait(tasks)
""",
        tests=(
            f"{ROUND}::test_a_slow_post_delays_no_other",
            f"{NUDGES}::test_a_slow_viewer_holds_up_no_other_and_no_later_nudge",
        ),
    ),
    Break(
        name="one-throttled-viewer-slows-all",
        guarantee=6,
        file="broadcaster/endpoint_backoff.py",
        text="waiting = self._waiting.get(endpoint)\n        return",
        replacement="waiting = next(iter(self._waiting.values()), None)\n        return",
        tests=(
            f"{UNIT}/broadcaster/test_endpoint_backoff.py"
            "::test_only_the_connection_that_was_throttled_waits",
            f"{ROUND}::test_a_throttled_connection_is_left_alone_and_no_other_is",
        ),
    ),
    Break(
        name="a-spread-round-goes-at-once",
        guarantee=5,
        file="broadcaster/round_source.py",
        text="return self.due_at_ms + self.spread_ms * place // len(self.buckets)",
        replacement="return self.due_at_ms",
        tests=(
            f"{UNIT}/broadcaster/test_round_spread.py"
            "::test_each_viewer_receives_at_its_place_and_a_minute_later_again",
        ),
    ),
    Break(
        name="several-send-a-spread-round-at-once",
        guarantee=5,
        file="broadcaster/shared_rounds.py",
        text="batch = MAX_BATCH if self._spread_ms else BUCKETS",
        replacement="batch = BUCKETS",
        tests=(
            f"{UNIT}/broadcaster/test_round_spread.py"
            "::test_several_send_ten_buckets_at_a_time_and_report_the_round_once",
        ),
    ),
    Break(
        name="refused-viewers-wait-for-the-next-round",
        guarantee=5,
        file="broadcaster/round_again.py",
        text="if one.outcome in _AGAIN and is_in_time:",
        replacement="if False:",
        tests=(
            f"{PUSHED_BACK}::test_who_was_rejected_for_the_accounts_quota_receives_in_the_same_round",
            f"{PUSHED_BACK}::test_who_is_throttled_once_or_twice_receives_in_the_same_round",
        ),
    ),
    Break(
        name="the-same-viewers-are-left-out-each-time",
        guarantee=5,
        file="broadcaster/round_source.py",
        text="first, skipped = (left_out[0], 1) if left_out else (first, 0)",
        replacement="skipped = 1 if left_out else 0",
        tests=(
            f"{PUSHED_BACK}"
            "::test_when_the_account_gives_too_little_for_all_no_one_is_left_out_for_ever",
        ),
    ),
    Break(
        name="rate-learns-nothing",
        guarantee=5,
        file="broadcaster/gateway_signals.py",
        text="            self._rate.throttled(begun_at_s)",
        replacement="            pass",
        tests=(
            f"{UNIT}/broadcaster/test_gateway_signals.py"
            "::test_a_429_of_the_account_slows_all_and_no_connection_is_left_alone",
            f"{PUSHED_BACK}::test_the_next_round_begins_at_the_rate_that_the_last_one_learned",
        ),
    ),
    Break(
        name="rate-is-cut-for-each-post-under-way",
        guarantee=5,
        file="broadcaster/post_rate.py",
        text="if begun_at_s > self._cut_at_s:",
        replacement="if True:",
        tests=(
            f"{UNIT}/broadcaster/test_post_rate.py::test_rejections_of_one_moment_cut_the_rate_once",
        ),
    ),
    Break(
        name="slow-clients-slow-all",
        guarantee=6,
        file="broadcaster/gateway_signals.py",
        text="self.holds = 2 * self._of_the_kind > self._seen",
        replacement="self.holds = self._of_the_kind > 0",
        tests=(
            f"{UNIT}/broadcaster/test_gateway_signals.py"
            "::test_a_third_of_slow_clients_is_not_the_account",
        ),
    ),
    Break(
        name="changes-wait-behind-a-round",
        guarantee=6,
        file="broadcaster/rate_limiter.py",
        text="for other in range(first, len(Lane)):",
        replacement="for other in range(len(Lane)):",
        tests=(
            f"{PUSHED_BACK}::test_a_change_of_status_waits_for_no_round",
            f"{UNIT}/broadcaster/test_rate_limiter.py"
            "::test_a_change_waits_for_no_round_and_the_round_makes_up_for_it",
        ),
    ),
    Break(
        name="positions-take-a-rounds-share-of-the-rate",
        guarantee=6,
        file="broadcaster/rate_limiter.py",
        text="posts = min(posts, self._of_rounds)",
        replacement="pass",
        tests=(
            f"{PUSHED_BACK}::test_each_viewer_gets_its_message_though_positions_want_more_than_the_rate",
            f"{UNIT}/broadcaster/test_rate_limiter.py"
            "::test_a_round_gets_its_share_however_many_positions_come",
        ),
    ),
    Break(
        name="second-tries-take-the-slots-of-first-ones",
        guarantee=6,
        file="broadcaster/round.py",
        text="reserve = slots.reserve if is_ours else slots.reserve_behind",
        replacement="reserve = slots.reserve",
        tests=(f"{PUSHED_BACK}::test_second_tries_hold_up_no_first_one_where_slots_are_scarce",),
    ),
    Break(
        name="those-that-hang-hold-slots-in-every-round",
        guarantee=6,
        file="broadcaster/quarantine.py",
        text="return hanging is not None and hanging.hangs >= HANGS",
        replacement="return False",
        tests=(f"{PUSHED_BACK}::test_those_that_hang_cost_a_round_less_once_they_are_known",),
    ),
    Break(
        name="no-connection-leaves-quarantine",
        guarantee=6,
        file="broadcaster/gateway_signals.py",
        text="""\
                self._backoff.responded(endpoint)
                self._quarantine.responded(endpoint)
""",
        replacement="""\
                self._backoff.responded(endpoint)
""",
        tests=(
            f"{PUSHED_BACK}"
            "::test_one_that_recovers_from_its_quarantine_receives_in_the_next_round_like_any_other",
        ),
    ),
    Break(
        name="a-gateway-that-hangs-quarantines-all",
        guarantee=6,
        file="broadcaster/gateway_signals.py",
        text="if not self._hanging.holds:",
        replacement="if True:",
        tests=(
            f"{UNIT}/broadcaster/test_gateway_signals.py"
            "::test_a_gateway_that_hangs_puts_only_the_first_tried_in_quarantine",
        ),
    ),
    Break(
        name="one-bad-record-stops-a-shard",
        guarantee=6,
        file="rtdts/tracking/stream_admission.py",
        text='return InvalidRecord(reason="not_a_point", detail=str(error))',
        replacement="raise",
        tests=(f"{PIPELINE}::test_what_is_no_point_of_its_truck_is_parked_and_the_rest_goes_on",),
    ),
    Break(
        name="one-trucks-bug-stops-a-shard",
        guarantee=6,
        file="consumer/pipeline.py",
        text="            self._park(faults, report, budget)\n            return None\n",
        replacement="            raise\n",
        tests=(
            f"{PIPELINE}::test_a_truck_whose_points_bring_out_a_bug_is_parked_and_the_others_go_on",
        ),
    ),
    Break(
        name="gzip-bomb-unpacked",
        guarantee=6,
        file="rtdts/ingest/packed_bodies.py",
        text="unpacking.decompress(packed, max_bytes + 1)",
        replacement="unpacking.decompress(packed)",
        tests=(
            f"{UNIT}/ingest_lambda/test_ingest_request.py"
            "::test_a_bomb_is_never_unpacked_beyond_the_limit",
        ),
    ),
    Break(
        name="record-on-a-foreign-shard-is-taken",
        guarantee=6,
        file="consumer/pipeline.py",
        text="sort_out(records, self._shard_range)",
        replacement="sort_out(records)",
        tests=(
            f"{PIPELINE}::test_a_record_of_another_shards_truck_is_parked_and_no_state_is_touched",
        ),
    ),
    Break(
        name="more-in-a-transaction-than-dynamodb-takes",
        guarantee=6,
        file="rtdts/delivery_store/appends.py",
        text="position - start == MAX_EVENTS_TOGETHER or size_bytes > room_bytes",
        replacement="size_bytes > room_bytes",
        tests=(
            f"{APPENDS}::test_each_transaction_fits_and_its_row_is_the_fold_of_the_log_up_to_it",
        ),
    ),
    Break(
        name="one-deliverys-refusal-stops-the-shard",
        guarantee=6,
        file="consumer/transitions.py",
        text="""\
                if not is_rejection(error):
                    raise
                self._park""",
        replacement="""\
                if True:
                    raise
                self._park""",
        tests=(
            f"{BACKLOG}::test_what_the_store_rejects_of_one_delivery_is_parked_and_the_batch_goes_on",
        ),
    ),
    Break(
        name="poison-nudge-holds-up-its-delivery",
        guarantee=6,
        file="broadcaster/nudges.py",
        text="if _is_own_fault(error):",
        replacement="if False:",
        tests=(
            f"{NUDGES}"
            "::test_a_nudge_that_fails_for_its_own_fault_is_dead_at_once_and_holds_up_none",
        ),
    ),
    Break(
        name="work-counts-as-waiting",
        guarantee=6,
        file="consumer/retrying.py",
        text="self._left_s -= min(self._clock() - begun_s, LONGEST_ATTEMPT_S)",
        replacement="self._left_s -= self._clock() - begun_s",
        tests=(f"{RETRYING}::test_one_call_that_works_for_minutes_and_fails_is_made_again",),
    ),
    Break(
        name="attempts-that-hang-cost-no-patience",
        guarantee=6,
        file="consumer/retrying.py",
        text="self._left_s -= min(self._clock() - begun_s, LONGEST_ATTEMPT_S)",
        replacement="pass",
        tests=(f"{RETRYING}::test_attempts_that_hang_use_the_budget_up_as_pauses_do",),
    ),
    Break(
        name="store-that-refuses-every-point-parks-them",
        guarantee=1,
        file="rtdts/position_store/bulk.py",
        text='status == 400 and error.get("type") not in STORES_OWN_FAULTS',
        replacement="status == 400",
        tests=(f"{OUTCOMES}::test_whose_fault_a_bad_request_is_the_type_of_its_error_says",),
    ),
    Break(
        name="viewers-of-a-delivery-wait-for-each-others-pictures",
        guarantee=6,
        file="rtdts/push_queue/nudges.py",
        text='return f"{self.connection_id}:{self.delivery_id}"',
        replacement="return self.delivery_id",
        tests=(
            f"{UNIT}/push_queue/test_nudge_queue_sending.py"
            "::test_a_nudge_goes_to_its_group_under_its_own_identity",
        ),
    ),
    Break(
        name="one-position-fails-its-whole-poll",
        guarantee=6,
        file="broadcaster/nudges.py",
        text="            if len(together) == 1:\n",
        replacement="            if together:\n",
        tests=(f"{NUDGES}::test_a_position_that_can_not_be_read_affects_no_other",),
    ),
    Break(
        name="a-slow-viewer-delays-its-whole-poll",
        guarantee=5,
        file="broadcaster/nudges.py",
        text="        await asyncio.gather(*map(self._finish, together, begun))\n",
        replacement="""\
        await asyncio.wait([task for tasks in begun for task in tasks])
        await asyncio.gather(*map(self._finish, together, begun))
""",
        tests=(f"{NUDGES}::test_a_viewer_that_hangs_delays_no_other_position_of_the_same_poll",),
    ),
    Break(
        name="a-revocation-waits-behind-positions",
        guarantee=4,
        file="broadcaster/nudge_handling.py",
        text="viewers, new_messages, Lane.CHANGE, math.inf)",
        replacement="viewers, new_messages, Lane.POSITION, self._rate.now_s() + 3.0)",
        tests=(
            f"{UNIT}/broadcaster/test_viewers_by_share.py::test_a_revocation_waits_for_no_position",
        ),
    ),
    Break(
        name="every-track-is-worth-a-snapshot",
        guarantee=6,
        file="broadcaster/nudge_handling.py",
        text="viewer.subscribed_at_ms > nudge.subscribed_at_ms > 0",
        replacement="False",
        tests=(f"{NUDGES}::test_a_viewer_that_requests_again_and_again_gets_the_last_snapshot",),
    ),
    Break(
        name="one-token-opens-sockets-without-end",
        guarantee=6,
        file="socket_lambda/limits.py",
        text='if not self._admits(f"connects:{role}:{identity}", self._limits.connects):',
        replacement="if False:",
        tests=(
            f"{LIMITS}::test_one_token_has_so_many_sockets_open_and_no_more",
            f"{LIMITS}::test_who_opens_and_ends_sockets_for_ever_is_rejected",
        ),
    ),
    Break(
        name="oldest-socket-counted-out-and-left-open",
        guarantee=6,
        file="socket_lambda/limits.py",
        text="            self._close(oldest)\n",
        replacement="",
        tests=(
            f"{LIMITS}::test_one_token_has_so_many_sockets_open_and_no_more",
            f"{LIMITS}::test_the_oldest_socket_makes_room_and_is_notified_why",
        ),
    ),
    Break(
        name="one-socket-says-what-it-likes",
        guarantee=6,
        file="socket_lambda/limits.py",
        text="return self._counts.take(key, rate, now_ms)",
        replacement="return True",
        tests=(f"{LIMITS}::test_a_socket_that_says_too_much_is_reported_and_ended",),
    ),
    Break(
        name="socket-that-says-too-much-stays-open",
        guarantee=6,
        file="socket_lambda/limits.py",
        text="        self._close(connection_id)\n",
        replacement="",
        tests=(f"{LIMITS}::test_a_socket_that_says_too_much_is_reported_and_ended",),
    ),
    Break(
        name="ended-sockets-keep-their-places",
        guarantee=5,
        file="socket_lambda/dispatch.py",
        text="        self.limits.ended(viewer.role, viewer.identity, viewer.connection_id)\n",
        replacement="",
        tests=(f"{LIMITS}::test_a_socket_that_ended_makes_room",),
    ),
    Break(
        name="sockets-counted-past-their-limit-at-once",
        guarantee=6,
        file="rtdts/delivery_store/socket_limits.py",
        text='"(attribute_not_exists(open_sockets) OR open_sockets < :most)",',
        replacement='"(attribute_not_exists(open_sockets) OR :most = :most)",',
        tests=(
            "tests/contract/test_socket_limit_contract.py"
            "::test_so_many_sockets_and_then_the_oldest_makes_room",
        ),
    ),
    Break(
        name="versions-without-a-bound",
        guarantee=6,
        file="socket_lambda/messages.py",
        text="Meta(ge=0, le=MAX_VERSION)",
        replacement="Meta(ge=0)",
        tests=(f"{SOCKET}::test_a_version_that_cannot_be_is_a_bad_request",),
    ),
    Break(
        name="strangers-fire-the-alarm",
        guarantee=6,
        file="socket_lambda/authorizer.py",
        text="    except UnauthorizedError:\n        raise\n",
        replacement="",
        tests=(
            f"{UNIT}/socket_lambda/test_authorizer.py"
            "::test_a_stranger_is_no_failure_of_the_authorizer",
        ),
    ),
    # 7. Any process of ours may be killed at any moment: nothing is lost.
    Break(
        name="zombie-overwrites-the-history",
        guarantee=7,
        file="consumer/writing.py",
        text="knowledge = max(update.state.knowledge, PROVISIONAL + 1)",
        replacement="knowledge = PROVISIONAL + 1",
        tests=(
            f"{PIPELINE}::test_what_a_zombie_writes_late_replaces_nothing"
            "_that_its_successor_enriched_anew",
        ),
    ),
    Break(
        name="shard-ends-unread",
        guarantee=7,
        file="consumer/record_processor.py",
        text='self._die("taken_over_at_shard_end", None)',
        replacement="return",
        tests=(f"{PROCESSOR}::test_taken_over_it_never_lets_the_shard_end_without_a_checkpoint",),
    ),
    Break(
        name="state-stored-before-the-logs",
        guarantee=7,
        file="consumer/committing.py",
        text="""\
        states: list[TruckState] = []
        nudges: list[Nudge] = []
""",
        replacement="""\
        self._truck_states.save([one.state for one in updates], here.position, budget)
        states: list[TruckState] = []
        nudges: list[Nudge] = []
""",
        tests=(
            f"{PIPELINE}::test_the_order_is_history_transitions_latest_state",
            f"{PIPELINE}::test_a_worker_killed_at_any_step_and_the_same_batch_again_gives_the_same",
            f"{SETTLING}::test_a_worker_killed_at_any_step_of_a_settling_and_the_next_one_settles",
        ),
    ),
    Break(
        name="latest-before-the-logs",
        guarantee=7,
        file="consumer/committing.py",
        text="""\
        states: list[TruckState] = []
        nudges: list[Nudge] = []
""",
        replacement="""\
        self._write_latest([one.latest for one in updates if one.latest], budget)
        states: list[TruckState] = []
        nudges: list[Nudge] = []
""",
        tests=(f"{PIPELINE}::test_the_order_is_history_transitions_latest_state",),
    ),
    Break(
        name="zombie-writes-on",
        guarantee=7,
        file="consumer/truck_states.py",
        text="if writer_id not in (self._writer_id, ERASURE):",
        replacement="if False:",
        tests=(
            f"{PIPELINE}"
            "::test_a_zombie_notices_that_another_owns_the_shard_and_writes_nothing_more",
        ),
    ),
    Break(
        name="nudge-deleted-before-it-is-handled",
        guarantee=7,
        file="broadcaster/nudges.py",
        text="            begun = await self._begin([one.message for one in together])\n",
        replacement="""\
            await self._threads.run(self._queue.delete, together)
            begun = await self._begin([one.message for one in together])
""",
        tests=(f"{NUDGES}::test_a_nudge_whose_reading_fails_stays_in_the_queue",),
    ),
    Break(
        name="standard-output-not-guarded",
        guarantee=7,
        file="consumer/__main__.py",
        text="    os.dup2(2, 1)\n",
        replacement="",
        tests=(
            f"{UNIT}/consumer/test_consumer_process.py"
            "::test_standard_output_carries_nothing_but_the_protocol",
        ),
    ),
    Break(
        name="dead-child-waits-for-the-grace",
        guarantee=7,
        file="consumer/daemon_halt.py",
        text="        signal.pidfd_send_signal(daemon, signal.SIGKILL)\n",
        replacement="        signal.pidfd_send_signal(daemon, 0)\n",
        tests=("tests/integration/test_daemon_halt.py::test_a_killed_child_halts_the_daemon",),
    ),
    Break(
        name="child-in-order-halts-the-daemon",
        guarantee=7,
        file="consumer/daemon_halt.py",
        text="if os.read(closes, 1) == _RELEASED:",
        replacement="if not os.read(closes, 1) and not daemon:",
        tests=(
            "tests/integration/test_daemon_halt.py"
            "::test_a_child_that_ends_in_order_leaves_the_daemon_alone",
        ),
    ),
    # 8. What was erased is in no store, and nothing else is touched.
    Break(
        name="erasure-skips-the-raw-log",
        guarantee=8,
        file="rtdts/position_store/erasure.py",
        text="        for pattern in BY_QUERY:\n            for deleted",
        replacement="        for pattern in BY_QUERY[1:]:\n            for deleted",
        tests=(
            "tests/integration/test_position_erasure.py"
            "::test_all_of_a_truck_goes_and_nothing_of_another",
        ),
    ),
    Break(
        name="tombstone-is-ignored",
        guarantee=8,
        file="consumer/truck_states.py",
        text="return state is None or state.is_tombstone",
        replacement="return state is None",
        tests=(
            f"{ERASED}::test_the_next_batch_begins_anew_and_brings_nothing_back",
            f"{ERASED}::test_a_truck_is_erased_twice",
        ),
    ),
    Break(
        name="erased-points-are-taken-again",
        guarantee=8,
        file="consumer/arrivals.py",
        text="until_ms = state.erased_before_ms if state is not None else 0",
        replacement="until_ms = 0",
        tests=(
            f"{ERASED}::test_points_received_before_the_erasure_are_dropped_and_counted",
            f"{ERASED}::test_a_batch_between_the_tombstone_and_the_deletions_leaves_nothing",
        ),
    ),
    Break(
        name="what-an-erased-batch-wrote-stays",
        guarantee=8,
        file="consumer/committing.py",
        text="if fix.received_at_ms <= until_ms.get(fix.truck_id, 0)]",
        replacement="if fix.truck_id not in until_ms]",
        tests=(
            f"{ERASED}"
            "::test_a_batch_in_the_middle_of_which_the_truck_is_erased_takes_back_what_it_wrote",
            f"{ERASED}::test_a_worker_killed_before_it_knows_of_the_erasure"
            "_leaves_nothing_once_the_batch_comes_again",
        ),
    ),
    Break(
        name="logs-corrected-for-want-of-what-was-erased",
        guarantee=8,
        file="consumer/settling.py",
        text="        updates = self._still_valid(updates, budget)\n",
        replacement="",
        tests=(
            f"{ERASED}::test_a_truck_erased_while_late_points_wait_or_are_settled_leaves_nothing",
        ),
    ),
    Break(
        name="deleted-before-the-tombstone-stands",
        guarantee=8,
        file="rtdts/position_store/erasure.py",
        text="        if self._bury(truck_id, now_ms):\n            yield STATE_INDEX, 1\n",
        replacement="",
        tests=(
            "tests/integration/test_position_erasure.py"
            "::test_a_consumer_that_holds_the_state_brings_nothing_back",
        ),
    ),
    Break(
        name="erasure-leaves-the-buckets",
        guarantee=8,
        file="operations/erase_truck.py",
        text="console, broken, dry_run=False)",
        replacement="console, broken, dry_run=True)",
        tests=(f"{ERASE}::test_a_truck_goes_everywhere_and_another_nowhere",),
    ),
    Break(
        name="erasure-leaves-batches-set-aside",
        guarantee=8,
        file="rtdts/telemetry_stream/set_aside.py",
        text="if not is_about(message.data, truck_id)",
        replacement="if message.data",
        tests=(
            f"{UNIT}/telemetry_stream/test_set_aside.py::test_a_batch_is_rewritten_without_the_truck",
        ),
    ),
    Break(
        name="erasure-of-a-customer-overlooks-what-was-being-written",
        guarantee=8,
        file="operations/erase_customer.py",
        text="            stores.sleep(WRITTEN_WITHIN_S)\n",
        replacement="",
        tests=(f"{ERASE}::test_what_was_on_its_way_while_a_customer_was_erased_goes_too",),
    ),
    Break(
        name="erasure-is-not-verified",
        guarantee=8,
        file="operations/erasing.py",
        text="        if not left:\n            return erased",
        replacement="        return erased",
        tests=(
            f"{ERASE}::test_what_keeps_coming_is_reported_and_fails",
            f"{ERASE}::test_what_came_meanwhile_goes_in_the_next_round",
        ),
    ),
    Break(
        name="old-object-goes-before-the-new-one-is-there",
        guarantee=8,
        file="rtdts/telemetry_stream/bucket_objects.py",
        text="""\
        response = self._client.put_object(
""",
        replacement="""\
        self.destroy(version)
        response = self._client.put_object(
""",
        tests=(f"{ERASE}::test_what_is_rewritten_is_there_before_the_old_one_goes",),
    ),
    Break(
        name="address-stays-in-the-trucks-memory",
        guarantee=8,
        file="rtdts/position_store/erasure.py",
        text="state.deliveries if one.delivery_id not in delivery_ids",
        replacement="state.deliveries",
        tests=(
            "tests/integration/test_position_erasure.py"
            "::test_the_consumer_goes_on_after_a_delivery_was_taken_out",
        ),
    ),
    Break(
        name="parked-record-removed-though-the-stream-refused-it",
        guarantee=1,
        file="operations/replay_parked.py",
        text="if record.name not in still:",
        replacement="if True:",
        tests=(
            f"{PARKED}::test_only_what_the_stream_took_is_removed_and_a_second_run_brings_the_rest",
        ),
    ),
    # An ETA is part of what a viewer is told: it holds for the present, and is never invented.
    Break(
        name="eta-ignores-the-roads-of-this-drive",
        guarantee=5,
        file="rtdts/tracking/eta.py",
        text="_road_factor(baseline.remaining_m - remaining_m, seen_m, rules)",
        replacement="rules.road_factor",
        tests=(f"{ETA}::test_winding_roads_are_expected_to_go_on_winding",),
    ),
    Break(
        name="eta-takes-noise-for-way",
        guarantee=5,
        file="rtdts/tracking/eta.py",
        text="if step_m < max(rules.step_m, accuracy_m or 0.0):",
        replacement="if step_m == 0.0:",
        tests=(
            f"{ETA}::test_noise_of_a_standing_truck_is_no_way",
            f"{ETA}::test_inaccurate_fixes_make_no_way_out_of_their_error",
        ),
    ),
    Break(
        name="eta-of-the-destination-before-the-change",
        guarantee=5,
        file="rtdts/tracking/viewer_messages.py",
        text="abs(made_for_m - remaining_m) > _SAME_PLACE_M:",
        replacement="remaining_m < 0:",
        tests=(f"{MESSAGES}::test_eta_is_null_when_the_destination_has_changed_since",),
    ),
    Break(
        name="eta-of-a-stale-position",
        guarantee=5,
        file="rtdts/tracking/viewer_messages.py",
        text=" or position.stale_since_ms is not None:",
        replacement=":",
        tests=(f"{MESSAGES}::test_eta_is_null_when_the_position_is_stale",),
    ),
    # The local gateway of sockets refuses what API Gateway refuses.
    Break(
        name="gateway-takes-any-signature",
        guarantee=4,
        file="sim/local_cloud/socket_gateway/signature.py",
        text="return None if hmac.compare_digest(right, signature) else Unsigned.WRONG",
        replacement="return None",
        tests=(
            f"{GATEWAY}::test_what_another_signs_does_not_pass",
            f"{GATEWAY}::test_what_was_changed_after_signing_or_is_old_does_not_pass",
        ),
    ),
    Break(
        name="gateway-lets-a-connection-be-flooded",
        guarantee=6,
        file="sim/local_cloud/socket_gateway/gateway.py",
        text="not one.posts.take(self._loop.time())\n            or ",
        replacement="",
        tests=(
            f"{SOCKETS}::test_posts_beyond_a_connections_rate_are_throttled_for_that_connection_alone",
        ),
    ),
    Break(
        name="gateway-waits-for-a-client-that-does-not-read",
        guarantee=6,
        file="sim/local_cloud/socket_gateway/gateway.py",
        text="or one.socket.waiting_bytes > settings.client_buffer_bytes",
        replacement="or False",
        tests=(f"{SOCKETS}::test_posts_to_a_client_that_does_not_read_are_throttled",),
    ),
    # A dispatcher's view of the fleet.
    Break(
        name="the-fleet-is-for-all-roles",
        guarantee=4,
        file="socket_lambda/dispatch.py",
        text="if viewer.role != DISPATCHER:",
        replacement="if not viewer.role:",
        tests=(f"{FLEET_ROUTES}::test_no_one_but_a_dispatcher_follows_the_fleet",),
    ),
    Break(
        name="the-fleet-on-a-right-of-before-the-picture",
        guarantee=4,
        file="broadcaster/fleet_followers.py",
        text="if self._is_new(follower, snapshot) and self._is_entitled(follower, blocks):",
        replacement="if self._is_new(follower, snapshot):",
        tests=(f"{FLEET}::test_a_right_that_ends_while_the_snapshot_is_accepted_shows_nothing",),
    ),
    Break(
        name="trucks-beyond-a-frame",
        guarantee=5,
        file="rtdts/tracking/fleet_messages.py",
        text="return rows if len(rows) <= ROWS_MAX_BYTES else None",
        replacement="return rows",
        tests=(
            f"{FLEET}::test_trucks_that_fit_no_frame_are_clusters_too",
            f"{FLEET_MESSAGES}::test_a_frame_holds_some_400_ordinary_trucks_and_150_with_the_longest_names",
        ),
    ),
    Break(
        name="clusters-as-fine-as-requested",
        guarantee=6,
        file="rtdts/tracking/fleet_view.py",
        text="_tiles(self.bbox, precision) > MAX_CLUSTERS:",
        replacement="_tiles(self.bbox, precision) > 1_000 * MAX_CLUSTERS:",
        tests=(f"{FLEET_VIEW}::test_a_huge_zoom_over_the_whole_world_requests_no_more",),
    ),
    Break(
        name="an-overtaken-view-replaces-the-later-one",
        guarantee=5,
        file="rtdts/delivery_store/subscriptions.py",
        text='"attribute_not_exists(topic) OR subscribed_at_ms <= :time"',
        replacement='"attribute_not_exists(topic) OR subscribed_at_ms <> :time"',
        tests=(
            "tests/contract/test_subscription_contract.py"
            "::test_an_earlier_subscription_never_takes_the_place_of_a_later_one",
        ),
    ),
    Break(
        name="one-slow-view-keeps-all-waiting",
        guarantee=6,
        file="broadcaster/fleet_followers.py",
        text="if endpoint in self._posting or",
        replacement="if",
        tests=(f"{FLEET}::test_a_slow_viewer_keeps_no_other_waiting_and_has_one_post_at_a_time",),
    ),
    Break(
        name="the-fleets-posts-are-beside-the-rate",
        guarantee=6,
        file="broadcaster/fleet_followers.py",
        text="if not await self._rate.acquire(lane, 1, by_s=by_s) or write_by.passed:",
        replacement="if write_by.passed:",
        tests=(f"{FLEET}::test_ends_of_fleet_views_are_posted_within_the_rate_of_all_posts",),
    ),
    Break(
        name="a-part-of-the-fleet-is-held-for-ever",
        guarantee=7,
        file="broadcaster/fleet_parts.py",
        text="if known is not None and now_ms <= known.until_ms:",
        replacement="if known is not None:",
        tests=(f"{FLEET_PARTS}::test_a_part_whose_holder_died_is_anothers_when_its_lease_ends",),
    ),
    Break(
        name="what-a-person-changed-waits-for-a-point",
        guarantee=5,
        file="broadcaster/nudge_handling.py",
        text="isinstance(nudge, TransitionNudge) and nudge.by_person and only is None:",
        replacement="isinstance(nudge, TransitionNudge) and not nudge.by_person:",
        tests=(f"{CURRENT}::test_an_assigned_delivery_is_shown_with_its_truck",),
    ),
    Break(
        name="an-older-match-hides-what-a-person-changed",
        guarantee=5,
        file="broadcaster/current_deliveries.py",
        text="                await self._write(truck_id)\n                is_quiet",
        replacement="                is_quiet",
        tests=(f"{CURRENT}::test_what_a_point_brought_meanwhile_is_put_right_a_little_later",),
    ),
    Break(
        name="a-truck-is-read-whole-for-each-of-its-deliveries",
        guarantee=6,
        file="broadcaster/current_deliveries.py",
        text="            await self._sleep(TOGETHER_S)\n            quiet_s = TOGETHER_S\n",
        replacement="            quiet_s = 0.0\n",
        tests=(f"{CURRENT}::test_many_deliveries_of_one_truck_are_read_together",),
    ),
    Break(
        name="python-client-is-ended-by-the-gateway",
        guarantee=5,
        file="rtdts_client/session.py",
        text="is_due = self._live is not None and now_ms >= self._live.replace_at_ms",
        replacement="is_due = False",
        tests=(
            f"{PYTHON_VECTORS}::test_the_session_does_what_the_vectors_say_when_they_say",
            f"{PYTHON_TRACKER}"
            "::test_over_the_gateways_limit_no_connection_is_ever_ended_by_it_or_missed",
        ),
    ),
    Break(
        name="python-client-skips-what-it-missed",
        guarantee=5,
        file="rtdts_client/session.py",
        text="        since = complete_through(self._view)\n",
        replacement="        since = self._view.version\n",
        tests=(
            f"{PYTHON_TRACKER}"
            "::test_over_6_hours_of_closes_at_random_nothing_is_missed_or_given_twice",
        ),
    ),
    Break(
        name="python-client-goes-back-in-time",
        guarantee=5,
        file="rtdts_client/view.py",
        text="if known is not None and message.position_at < known:",
        replacement="if False:",
        tests=(f"{PYTHON_VECTORS}::test_the_receiver_makes_of_messages_what_the_vectors_say",),
    ),
    Break(
        name="python-client-carries-a-jwt-to-another-host",
        guarantee=4,
        file="rtdts_client/http_post.py",
        text="        urllib.request.HTTPErrorProcessor(),\n",
        replacement="        urllib.request.HTTPErrorProcessor(),\n"
        "        urllib.request.HTTPRedirectHandler(),\n",
        tests=(
            "tests/contract/rtdts_client/test_client_http_and_sockets.py"
            "::test_a_redirect_is_not_followed_with_a_token",
        ),
    ),
    Break(
        name="web-client-goes-back-in-time",
        guarantee=5,
        file="web/client/src/view.ts",
        text="if (known !== null && message.position_at < known) {",
        replacement="if (false) {",
        tests=(PAGES,),
    ),
    Break(
        name="console-takes-a-code-that-it-did-not-request",
        guarantee=4,
        file="web/console/sign_in_flow.ts",
        text="if (pending === null || query.get('state') !== pending.state) {",
        replacement="if (pending === null) {",
        tests=(PAGES,),
    ),
    Break(
        name="console-shows-a-picture-of-another-view",
        guarantee=5,
        file="web/console/fleet_session.ts",
        text="if (fleet.view === this.#viewName && !isOvertaken) {",
        replacement="if (!isOvertaken) {",
        tests=(PAGES,),
    ),
    Break(
        name="console-overwrites-a-delivery-by-creating-it",
        guarantee=7,
        file="web/console/service.ts",
        text="    if (!isAgain) {",
        replacement="    if (isAgain) {",
        tests=(PAGES,),
    ),
    Break(
        name="replay-makes-up-where-a-silent-truck-was",
        guarantee=5,
        file="web/console/replay.ts",
        text="  if (!to || to.atMs - from.atMs > SILENCE_MS) {",
        replacement="  if (!to) {",
        tests=(PAGES,),
    ),
    Break(
        name="no-alert-that-a-delivery-is-not-closed",
        guarantee=5,
        file="web/console/alerts.ts",
        text="nowMs - sinceMs >= CLOSED_WITHIN_MS",
        replacement="nowMs - sinceMs < 0",
        tests=(PAGES,),
    ),
    Break(
        name="page-hides-that-a-position-is-old",
        guarantee=5,
        file="web/tracking/page_state.ts",
        text="const isOld = !hasClosed && age_s !== null && age_s * 1000 > OLD_AFTER_MS;",
        replacement="const isOld = false;",
        tests=(PAGES,),
    ),
)
