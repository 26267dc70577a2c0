"""Breaks of `consumer/`."""

from tests.mutations.applying import (
    DURABLE,
    ENTITLED,
    ERASED,
    ISOLATED,
    MINUTE,
    RESTARTED,
    TIMELINE,
)

BREAKS = {
    "consumer/record_processor.py": {
        "failed-batch-is-acknowledged": DURABLE(
            "self._die('batch_failed', error)",
            "self._log.exception('batch_failed', error, shard_id=self._shard_id)",
            "test_under_kclpy_a_batch_that_fails_is_never_acknowledged",
        ),
        "checkpoint-before-points-are-durable": DURABLE(
            "report = self._pipeline.process(records)\n"
            "self._checkpoints.durable_up_to(max((record.position for record in records)))",
            "self._checkpoints.durable_up_to(max(record.position for record in records))\n"
            "self._checkpoints.checkpoint_if_due(batch.checkpointer)\n"
            "report = self._pipeline.process(records)",
            "test_only_durable_records_are_checkpointed",
            "test_under_kclpy_a_batch_that_fails_is_never_acknowledged",
        ),
        "shard-end-ignored-after-a-lost-lease": RESTARTED(
            "self._die('lease_lost_at_shard_end', None)",
            "return",
            "test_after_a_state_conflict_the_shard_end_is_not_checkpointed_and_ends_the_process",
        ),
    },
    "consumer/pipeline.py": {
        "faulty-record-is-not-parked": DURABLE(
            "self._park(decoded.faults, report, budget)",
            "pass",
            "test_a_record_that_is_no_point_of_its_truck_is_parked_and_others_are_processed",
        ),
        "rejected-point-loses-its-ordinal": TIMELINE(
            "if all((one.identity in rejected_ids for one in arrivals)):",
            "arrivals = [one for one in arrivals if one.identity not in rejected_ids]\n"
            "if not arrivals:",
            "test_a_point_in_the_middle_that_the_history_rejects_is_left_out_of_everything",
        ),
        "error-in-one-truck-stops-the-shard": ISOLATED(
            "self._park(faults, report, budget)\nreturn None",
            "raise",
            "test_points_that_cause_an_error_are_parked_and_other_trucks_are_processed",
        ),
        "record-of-another-shards-truck-is-processed": ISOLATED(
            "decode_batch(records, self._shard_range)",
            "decode_batch(records)",
            "test_a_record_of_another_shards_truck_is_parked_and_no_state_is_touched",
        ),
    },
    "consumer/settling.py": {
        "incomplete-settling-withdraws-later-statuses": TIMELINE(
            "refold.cut_off()",
            "pass",
            "test_a_settling_that_reads_too_much_is_cut_off_and_other_trucks_are_settled",
        ),
        "settling-reads-every-page-from-the-start": TIMELINE(
            "from_ms = order[0] if folded else min",
            "from_ms = interval.from_ms if folded else min",
            "test_fixes_that_leave_the_window_during_a_settling_are_not_skipped",
        ),
        "settling-reads-before-a-refresh": TIMELINE(
            "budget.call('refresh the history', self._finder.refresh)",
            "pass",
            "test_late_points_far_from_each_other_give_the_same_timeline",
        ),
        "second-interval-settled-with-stale-neighbours": TIMELINE(
            "if one.fix.point_id in changed",
            "if False",
            "test_the_second_interval_of_a_truck_builds_on_what_the_first_changed",
        ),
        "settling-is-unlimited": ISOLATED(
            "while not refold.is_done and fixes < MAX_FIXES:",
            "while not refold.is_done:",
            "test_a_settling_that_reads_too_much_is_cut_off_and_other_trucks_are_settled",
        ),
        "logs-corrected-because-of-erased-points": ERASED(
            "updates = self._still_valid(updates, budget)",
            "pass",
            "test_a_truck_erased_while_late_points_wait_or_are_settled_leaves_nothing",
        ),
    },
    "consumer/arrivals.py": {
        "point-found-in-history-is-treated-as-processed": TIMELINE(
            "stamp.beyond or stamp.n <= last_ordinal",
            "True",
            "test_points_that_a_crash_left_in_the_history_are_folded_with_their_records",
            "test_the_log_folds_to_the_timeline_with_any_disturbance",
        ),
        "erased-points-are-processed-again": ERASED(
            "until_ms = state.erased_before_ms if state is not None else 0",
            "until_ms = 0",
            "test_points_received_before_the_erasure_are_dropped_and_counted",
            "test_a_batch_between_the_tombstone_and_the_deletions_leaves_nothing",
        ),
    },
    "consumer/transitions.py": {
        "former-truck-changes-a-deliverys-status": TIMELINE(
            "return delivery.is_open and delivery.truck_id == truck_id",
            "return delivery.is_open",
            "test_an_outdated_match_of_a_delivery_now_on_another_truck_adds_no_event",
        ),
        "transitions-of-several-deliveries-written-one-by-one": ISOLATED(
            "written.update(self._append_together(update, pending, here, budget))",
            "pass",
            "test_many_deliveries_of_a_truck_are_read_and_appended_to_together",
        ),
        "group-with-a-conflict-not-written-one-by-one": TIMELINE(
            "except VersionConflict:\n    return False",
            "except VersionConflict:\n    return True",
            "test_a_declaration_on_one_of_many_deliveries_is_respected_and_the_others_proceed",
        ),
        "rejected-group-not-written-one-by-one": ISOLATED(
            "if not is_rejection(error):\n    raise\nreturn False",
            "if not is_rejection(error):\n    raise\nreturn True",
            "test_rejected_events_of_one_of_many_deliveries_are_parked_and_the_others_proceed",
        ),
        "closed-delivery-gets-transitions": TIMELINE(
            "return delivery.is_open and delivery.truck_id == truck_id",
            "return delivery.truck_id == truck_id",
            "test_a_closed_delivery_is_dropped_and_gets_no_event",
        ),
        "transition-logged-without-evidence": TIMELINE(
            ", evidence=transition.evidence", "", "test_each_event_of_a_rule_has_its_evidence"
        ),
        "start-of-showing-ignores-a-slow-clock": ENTITLED(
            "event.status, event.effective_at_ms + lag_ms)",
            "event.status, event.effective_at_ms)",
            "test_a_slow_truck_is_shown_from_the_time_it_moved_off_by_the_services_clock",
        ),
        "transition-already-written-is-not-pushed": MINUTE(
            "settlement.already_there, has_moved_times",
            "(), has_moved_times",
            "test_repeating_the_batch_of_a_worker_killed_at_any_step_gives_the_same_result",
        ),
        "nudges-unsent-at-a-crash-are-never-sent": MINUTE(
            "versions = (*settlement.already_there, *(event.version for event in new))",
            "versions = tuple(event.version for event in new)",
            "test_a_repeated_batch_with_more_records_sends_the_nudges_that_a_crash_left_unsent",
        ),
        "rejected-transition-stops-the-shard": ISOLATED(
            "if not is_rejection(error):\n    raise\nself._park",
            "if True:\n    raise\nself._park",
            "test_rejected_events_of_one_delivery_are_parked_and_the_other_deliveries_proceed",
        ),
    },
    "consumer/quota.py": {
        "truck-over-its-quota-is-not-blocked": ISOLATED(
            "if wait_ms >= BLOCK_FROM_MS else 0",
            "if wait_ms < 0 else 0",
            "test_a_truck_over_its_quota_of_points_is_blocked_in_proportion_to_the_excess",
        ),
        "mqtt-messages-count-as-http-requests": ISOLATED(
            "return 1 if point.source == 'http' else 0",
            "return 1",
            "test_messages_over_mqtt_count_only_their_points",
        ),
        "old-excess-blocks-a-truck-now": ISOLATED(
            "points=len(of_request), now_ms=arrived_at_ms",
            "points=len(of_request), now_ms=self._now_ms()",
            "test_points_read_long_after_their_arrival_block_no_truck",
        ),
        "replay-blocks-trucks": ISOLATED(
            "_FRESH_MS: Final = 60000",
            "_FRESH_MS: Final = 1 << 60",
            "test_an_operators_replay_blocks_no_truck",
        ),
    },
    "consumer/truck_states.py": {
        "erased-delivery-stays-in-written-documents": ERASED(
            "remove_deliveries(truck_id, erased)",
            "pass",
            "test_a_batch_during_which_a_delivery_is_erased_removes_its_id_again",
            "test_a_settling_during_which_a_delivery_is_erased_removes_its_id_again",
        ),
        "delivery-erased-during-its-first-batch-is-stored": ERASED(
            "erased = frozenset((one.delivery_id for one in state_to_write.deliveries)) - kept",
            "erased = frozenset[str]()",
            "test_a_delivery_erased_during_its_trucks_first_batch_with_it_leaves_nothing",
        ),
        "former-owner-keeps-writing-truck-states": RESTARTED(
            "if writer_id not in (self._writer_id, ERASURE):",
            "if False:",
            "test_a_worker_that_lost_its_lease_detects_it_and_writes_no_state",
        ),
        "tombstone-is-ignored": ERASED(
            "return state is None or state.is_tombstone",
            "return state is None",
            "test_the_first_batch_after_an_erasure_starts_afresh_and_restores_nothing",
            "test_a_truck_can_be_erased_twice",
        ),
    },
    "consumer/retrying.py": {
        "slow-work-uses-the-whole-retry-budget": ISOLATED(
            "self._left_s -= min(self._clock() - begun_s, MAX_ATTEMPT_S)",
            "self._left_s -= self._clock() - begun_s",
            "test_a_call_that_fails_after_working_for_minutes_is_retried",
        ),
        "hanging-attempts-do-not-use-the-retry-budget": ISOLATED(
            "self._left_s -= min(self._clock() - begun_s, MAX_ATTEMPT_S)",
            "pass",
            "test_time_in_hanging_attempts_counts_towards_the_retry_budget",
        ),
    },
    "consumer/writing.py": {
        "former-owner-overwrites-the-history": RESTARTED(
            "knowledge = max(update.state.knowledge, PROVISIONAL + 1)",
            "knowledge = PROVISIONAL + 1",
            "test_a_late_write_after_a_lost_lease_replaces_no_document_of_the_new_owner",
        ),
    },
    "consumer/committing.py": {
        "state-stored-before-the-logs": RESTARTED(
            "states: list[TruckState] = []",
            "self._truck_states.save([one.state for one in updates], here.position, budget)\n"
            "states: list[TruckState] = []",
            "test_writes_are_in_the_order_history_transitions_latest_nudges_state",
            "test_repeating_the_batch_of_a_worker_killed_at_any_step_gives_the_same_result",
            "test_the_next_worker_completes_a_settling_that_was_killed_at_any_step",
        ),
        "latest-before-the-logs": RESTARTED(
            "states: list[TruckState] = []",
            "self._write_latest([one.latest for one in updates if one.latest], budget)\n"
            "states: list[TruckState] = []",
            "test_writes_are_in_the_order_history_transitions_latest_nudges_state",
        ),
        "points-written-during-an-erasure-stay": ERASED(
            "if fix.received_at_ms <= until_ms.get(fix.truck_id, 0)]",
            "if fix.truck_id not in until_ms]",
            "test_a_batch_during_which_the_truck_is_erased_deletes_what_it_wrote",
            "test_a_repeated_batch_leaves_nothing_of_a_worker_killed_before_it_detects_an_erasure",
        ),
    },
    "consumer/__main__.py": {
        "standard-output-not-guarded": RESTARTED(
            "os.dup2(2, 1)",
            "pass",
            "test_the_consumers_standard_output_has_only_the_kcls_protocol",
        ),
    },
    "consumer/daemon_halt.py": {
        "dead-child-does-not-halt-the-daemon": RESTARTED(
            "signal.pidfd_send_signal(daemon, signal.SIGKILL)",
            "signal.pidfd_send_signal(daemon, 0)",
            "test_a_killed_child_halts_the_daemon",
        ),
        "child-that-ends-normally-halts-the-daemon": RESTARTED(
            "if os.read(closes, 1) == _RELEASED:",
            "if not os.read(closes, 1) and not daemon:",
            "test_a_child_that_ends_normally_does_not_halt_the_daemon",
        ),
    },
}
