"""Breaks of the rules: `rtdts/tracking/`."""

from tests.mutations.applying import DURABLE, ENTITLED, ISOLATED, LATEST, MINUTE, TIMELINE

BREAKS = {
    "rtdts/tracking/blocks.py": {
        "block-of-one-token-has-no-effect": ENTITLED(
            "if token.token_id:",
            "if token is NO_TOKEN:",
            "test_one_token_is_blocked_by_its_id",
            "test_a_revoked_token_is_401_with_error_invalid_token",
        ),
        "tokens-issued-before-a-theft-stay-valid": ENTITLED(
            "block.issued_before_ms is None or token.issued_at_ms < block.issued_before_ms",
            "block.issued_before_ms is None",
            "test_the_tokens_issued_until_a_moment_are_blocked_and_later_ones_are_not",
        ),
        "iot-message-sent-before-the-block-rejected": DURABLE(
            "return block is not None and block.blocked_at_ms <= at_ms",
            "return block is not None",
            "test_a_block_applies_only_to_messages_received_while_it_lasted",
        ),
    },
    "rtdts/tracking/point_identity.py": {
        "point-id-uses-the-corrected-time": DURABLE(
            "recorded_at_ms=point.recorded_at_ms",
            "recorded_at_ms=point.event_at_ms",
            "test_a_points_id_depends_neither_on_stamping_nor_on_its_source",
            "test_the_first_stamp_of_a_shifted_point_in_the_stream_wins",
        ),
    },
    "rtdts/tracking/reading.py": {
        "order-of-stored-measurements-changes": DURABLE(
            "ignition: bool | None = None\n"
            "battery_pct: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None",
            "battery_pct: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None\n"
            "ignition: bool | None = None",
            "test_a_stored_fix_keeps_its_values_in_later_releases",
        ),
    },
    "rtdts/tracking/state_codec.py": {
        "stored-code-of-a-status-changes": TIMELINE(
            "Status.FAILED, Status.CANCELLED)",
            "Status.CANCELLED, Status.FAILED)",
            "test_stored_statuses_and_causes_keep_their_meaning_in_later_releases",
        ),
        "stored-code-of-a-cause-changes": TIMELINE(
            "Cause.IMPLIED, Cause.CORRECTED)",
            "Cause.CORRECTED, Cause.IMPLIED)",
            "test_stored_statuses_and_causes_keep_their_meaning_in_later_releases",
        ),
    },
    "rtdts/tracking/stamping.py": {
        "only-the-newest-of-a-wrong-clock-is-shifted": DURABLE(
            "is_too_old = recorded_at_ms[place] + shift_ms < oldest_ms",
            "is_too_old = recorded_at_ms[place] < newest_ms",
            "test_a_runs_shift_depends_only_on_its_newest_point",
            "test_shifting_a_run_keeps_its_order_and_spacing",
        ),
        "a-wrong-clock-shifts-the-whole-request": DURABLE(
            "for run in clock_runs(recorded_at_ms):",
            "for run in [range(len(recorded_at_ms))]:",
            "test_one_wrong_time_of_ten_shifts_no_other_point",
            "test_a_point_far_from_every_point_ahead_keeps_its_time",
        ),
    },
    "rtdts/tracking/clock_runs.py": {
        "clock-jump-not-detected-by-the-order": DURABLE(
            "if _is_in_order(times_ms, run) or _has_no_order(times_ms, run):",
            "if run:",
            "test_a_clock_that_jumps_by_minutes_and_back_is_detected_by_the_order",
            "test_a_wrong_time_ahead_of_a_request_in_order_is_a_run_of_its_own",
        ),
    },
    "rtdts/tracking/latest.py": {
        "newest-fix-chosen-by-arrival": LATEST(
            "newest = state.window[-1]",
            "newest = max(state.window, key=lambda fix: fix.n)",
            "test_within_the_window_the_history_is_the_same_in_any_order_and_batches",
            "test_an_older_point_never_overwrites_the_latest",
        ),
    },
    "rtdts/tracking/truck_state.py": {
        "revision-counts-settlings-only": LATEST(
            "return self.last_ordinal + self.settlings - self.shown_from",
            "return self.settlings",
            "test_the_worker_that_folded_more_points_has_the_higher_revision_in_any_batches",
        ),
        "rebuilt-state-has-lower-revisions-than-the-lost-one": TIMELINE(
            "settlings = first_ordinal // _ORDINALS_PER_SETTLING",
            "settlings = 0",
            "test_a_new_state_has_higher_counters_than_one_that_was_settled_all_day",
        ),
    },
    "rtdts/tracking/truck_fold.py": {
        "late-point-is-not-settled": TIMELINE(
            "self._unsettle(fixes[0].event_at_ms, fixes[later - 1].event_at_ms)",
            "pass",
            "test_any_order_batching_and_repetition_gives_the_timeline",
            "test_settling_page_by_page_while_points_arrive_gives_the_same_timeline",
        ),
        "late-points-accepted-for-half-a-day-only": TIMELINE(
            "late_horizon_s: float = 86400.0",
            "late_horizon_s: float = 43200.0",
            "test_late_points_far_from_each_other_give_the_same_timeline",
        ),
        "log-corrected-before-late-points-are-settled": TIMELINE(
            "if state.unsettled:",
            "if False:",
            "test_no_event_is_logged_while_late_points_are_unsettled",
        ),
        "log-depends-on-where-batches-end": TIMELINE(
            "for record in records:\n    fold.apply(record)",
            "fold.apply([point for record in records for point in record])",
            "test_where_batches_end_does_not_change_the_state",
        ),
    },
    "rtdts/tracking/reachability.py": {
        "jumps-not-detected-by-sent-speeds": TIMELINE(
            "if _is_unreachable(chain, step_m, rules, trusts_speeds=True):",
            "if _is_unreachable(chain, step_m, rules, trusts_speeds=False):",
            "test_reflections_are_implausible",
        ),
        "points-after-a-jump-treated-as-a-drive": TIMELINE(
            "if fix is not first:", "if False:", "test_reflections_are_implausible"
        ),
        "device-without-doppler-speeds-never-trusted": TIMELINE(
            "return not _disproves_speeds(fix, context, rules) or",
            "return True or",
            "test_real_movements_are_good_after_a_few_fixes_at_most",
        ),
        "doubtful-drive-not-confirmed-by-the-next-fix": TIMELINE(
            "speed_mps = max(speed_mps, _step_mps(first, chain[2], rules))",
            "pass",
            "test_real_movements_are_good_after_a_few_fixes_at_most",
        ),
    },
    "rtdts/tracking/quality.py": {
        "three-reflections-outweigh-a-standing-truck": TIMELINE(
            "return is_alone or len(row)",
            "return True or len(row)",
            "test_reflections_are_implausible",
        ),
        "frozen-position-outweighs-the-truck": TIMELINE(
            "(one.lat, one.lon) != (good.lat, good.lon) and",
            "",
            "test_real_movements_are_good_after_a_few_fixes_at_most",
        ),
        "reflections-at-different-places-count-as-consistent": TIMELINE(
            "if any((not are_consistent(one, other, rules.reachability) "
            "for one, other in pairwise(row))):",
            "if False:",
            "test_two_reflections_at_different_places_do_not_outweigh_the_fixes_before",
        ),
    },
    "rtdts/tracking/status_machine.py": {
        "arrival-during-a-silence-dated-to-its-end": TIMELINE(
            "return _Found(found.effective_at_ms - by_ms, evidence)",
            "return _Found(found.effective_at_ms, evidence)",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "arrival-dated-before-the-declared-pickup": TIMELINE(
            "if not by_ms or not machine.transitions:",
            "if not by_ms:",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "undetected-pickup-is-not-implied": TIMELINE(
            "_has_dwelt_at_origin), (Status.IN_TRANSIT, Cause.IMPLIED, _must_have_picked_up))",
            "_has_dwelt_at_origin),)",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "stay-at-the-destination-before-departure-is-an-arrival": TIMELINE(
            "msgspec.structs.replace(was_there, counts=False)",
            "was_there",
            "test_the_timeline_of_an_ordinary_truck",
        ),
    },
    "rtdts/tracking/presence.py": {
        "arrival-hours-before-any-point": TIMELINE(
            "if not dwell_s / 2 <= silence_s <= rules.longest_drive_in_s:",
            "if not dwell_s / 2 <= silence_s:",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "silence-in-a-dock-does-not-count-as-dwell": TIMELINE(
            "return so_far.sum >= rules.sure_before_silence and silence_s - drive_s >= dwell_s",
            "return so_far.sum < 0 and silence_s - drive_s >= dwell_s",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "silence-of-a-passing-truck-counts-as-dwell": TIMELINE(
            "drive_s = seen.outside_m / rules.pull_away_mps",
            "drive_s = 0.0",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "farther-of-two-places-chosen-in-a-yard": TIMELINE(
            "nearer = (other.distance_m - seen.distance_m) / seen.accuracy_m",
            "nearer = (seen.distance_m - other.distance_m) / seen.accuracy_m",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "one-outlier-ends-a-dwell": TIMELINE(
            "if total <= 0:",
            "if evidence <= 0:",
            "test_one_fix_outside_ends_no_stay",
            "test_noise_of_60_m_neither_makes_nor_prevents_an_arrival",
        ),
        "overlapping-geofences-are-both-entered": TIMELINE(
            "if are_one or not (seen.is_inside and other.is_inside):",
            "if True:",
            "test_the_timeline_of_an_ordinary_truck",
        ),
        "one-fix-outside-ends-every-stay": TIMELINE(
            "return seen.outside_m > rules.far_m + 2 * seen.accuracy_m",
            "return seen.inside <= -1.0",
            "test_one_fix_outside_ends_no_stay",
        ),
    },
    "rtdts/tracking/delivery_log.py": {
        "correction-to-the-anchor-keeps-a-later-status": TIMELINE(
            "kept = 0 if back_to is anchor else next(led_to, 0)",
            "kept = next(led_to, 0)",
            "test_the_reconciled_log_of_a_transfer_folds_to_the_expected_transitions",
        ),
        "replay-that-is-behind-the-log-corrects-it": TIMELINE(
            "one.shard_id == here.shard_id and one.position > here.position",
            "False",
            "test_a_replay_of_records_that_the_log_already_includes_appends_nothing",
        ),
        "contradicting-points-grow-a-log-without-limit": ISOLATED(
            "if log_length >= CORRECTED_EVENTS:",
            "if log_length < 0:",
            "test_contradicting_late_points_grow_a_log_only_up_to_its_bound",
            "test_transitions_are_logged_after_corrections_have_ended",
        ),
        "later-statuses-lost-after-a-long-log": ISOLATED(
            "if _RANK[one.status] > last)",
            "if _RANK[one.status] < 0)",
            "test_transitions_are_logged_after_corrections_have_ended",
        ),
    },
    "rtdts/tracking/delivery_state.py": {
        "longer-log-treated-as-unchanged": TIMELINE(
            "if len(log.after_anchor) == before.log_length and (not is_behind):",
            "if len(log.after_anchor) >= before.log_length and (not is_behind):",
            "test_crashes_before_the_state_is_stored_append_nothing_twice",
            "test_the_log_folds_to_the_timeline_with_any_disturbance",
            "test_repeating_the_batch_of_a_worker_killed_at_any_step_gives_the_same_result",
        ),
        "correction-already-written-is-not-pushed": MINUTE(
            "log.after_anchor[before.log_length:]",
            "log.entries[before.log_length:]",
            "test_a_correction_that_a_killed_worker_logged_is_nudged_by_the_next_worker",
        ),
        "slow-clocks-points-ignored-while-assigned": TIMELINE(
            "if fix.counts_at_ms >= delivery_state.anchor.from_ms:",
            "if fix.event_at_ms >= delivery_state.anchor.from_ms:",
            "test_a_delivery_on_a_truck_with_a_slow_clock_gets_every_status",
        ),
    },
    "rtdts/tracking/settling.py": {
        "settling-starts-without-a-reset-point": TIMELINE(
            "if is_reset_point(status, fix, plan, rules):",
            "if True:",
            "test_any_order_batching_and_repetition_gives_the_timeline",
            "test_the_log_folds_to_the_timeline_with_any_disturbance",
        ),
        "settling-ends-within-the-rules-lookback": TIMELINE(
            "return self._alike >= LOOKBACK_FIXES and is_all_agreed",
            "return is_all_agreed",
            "test_late_points_of_a_truck_without_deliveries_become_fixes_as_if_in_order",
        ),
        "statuses-compared-while-fixes-still-change": TIMELINE(
            "if self._alike < LOOKBACK_FIXES:\n    return",
            "pass",
            "test_any_order_batching_and_repetition_gives_the_timeline",
        ),
        "late-point-during-a-settling-is-lost": TIMELINE(
            "if state.last_late_n != self._last_late_n:",
            "if False:",
            "test_a_late_point_earlier_than_a_settlings_progress_is_settled_too",
        ),
        "settling-counted-by-its-intervals": TIMELINE(
            "unsettled=self._left(state),",
            "unsettled=self._left(state), settlings=state.settlings + 1,",
            "test_a_settling_overwrites_the_documents_of_a_lost_one_with_more_intervals",
        ),
        "late-points-of-a-slow-clock-are-ignored": TIMELINE(
            "return fix.counts_at_ms >= anchor.from_ms",
            "return fix.event_at_ms >= anchor.from_ms",
            "test_late_points_of_a_slow_clock_are_settled_where_they_belong",
            "test_the_log_folds_to_the_timeline_with_any_clock",
        ),
    },
    "rtdts/tracking/viewing.py": {
        "every-customer-may-view-every-delivery": ENTITLED(
            "return role == CUSTOMER and identity == delivery.customer_id",
            "return role == CUSTOMER",
            "test_no_other_identity_has_a_right",
            "test_a_delivery_given_to_another_customer_between_rounds_ends_for_the_old_one",
            "test_deliveries_of_others_are_reported_as_missing",
        ),
        "viewing-ends-at-a-time-that-the-truck-declares": ENTITLED(
            "ended_at_ms = delivery.end_recorded_at_ms",
            "ended_at_ms = delivery.closed_at_ms",
            "test_a_closed_delivery_stays_visible_for_the_viewing_minutes",
        ),
    },
    "rtdts/tracking/owntracks.py": {
        "owntracks-speed-not-converted": TIMELINE(
            "_MPS_PER_KMH = 1 / 3.6",
            "_MPS_PER_KMH = 1.0",
            "test_a_location_from_the_owntracks_booklet_becomes_a_point_in_our_units",
        ),
    },
    "rtdts/tracking/phone_points.py": {
        "phones-minus-one-stored-as-a-measurement": DURABLE(
            "if value is not None and field_is_good({name: value}, name, TelemetryPoint):",
            "if value is not None:",
            "test_an_invalid_reading_is_left_out",
            "test_minus_one_means_no_reading",
        ),
    },
    "rtdts/tracking/viewer_scope.py": {
        "position-of-the-former-truck-shown": ENTITLED(
            "if truck_id != self.truck_id or at_ms < self.start_ms:",
            "if at_ms < self.start_ms:",
            "test_after_a_transfer_only_the_new_truck_is_shown_and_only_since_then",
        ),
        "truck-shown-before-its-assignment": ENTITLED(
            "if truck_id != self.truck_id or at_ms < self.start_ms:",
            "if truck_id != self.truck_id:",
            "test_a_track_is_cut_to_the_assignment",
        ),
        "slow-clocks-points-shown-after-the-end": ENTITLED(
            "return self.end_ms is None or at_ms < self.end_ms",
            "return True",
            "test_a_slow_truck_is_shown_between_the_same_times_by_the_services_clock",
        ),
        "slow-clocks-points-hidden-from-viewers": MINUTE(
            "at_ms = point.counts_at_ms",
            "at_ms = point.event_at_ms",
            "test_viewers_see_the_truck_and_the_age_of_its_position",
        ),
        "track-shown-since-the-assignment": ENTITLED(
            ", delivery.updated_at_ms if shown_from_ms is None else shown_from_ms)",
            ")",
            "test_a_customer_sees_the_truck_from_moving_off_and_a_dispatcher_from_the_assignment",
        ),
        "former-customers-track-shown": ENTITLED(
            "delivery.customer_since_ms, ",
            "",
            "test_a_new_customer_does_not_see_the_former_customers_track",
            "test_a_new_customer_sees_nothing_from_the_former_customers_time",
        ),
        "former-customers-events-shown": ENTITLED(
            "first = delivery.customer_since_version if is_customer else 1",
            "first = 1",
            "test_a_new_customer_sees_nothing_from_the_former_customers_time",
            "test_a_new_customer_sees_no_event_from_the_former_customers_time",
        ),
        "truck-shown-although-the-stop-is-not-next": ENTITLED(
            "if stops is None or not stops.is_next(delivery.delivery_id):",
            "if stops is None:",
            "test_the_next_stops_customer_sees_the_truck_and_later_ones_only_the_status",
            "test_the_customer_of_a_later_stop_receives_the_status_without_a_position",
            "test_a_snapshot_of_a_stop_that_is_not_next_shows_only_the_status",
        ),
        "track-to-the-previous-stop-shown": ENTITLED(
            "start_ms = max(scope.start_ms, stops.changed_at_ms)",
            "start_ms = scope.start_ms",
            "test_the_next_customer_does_not_see_where_the_truck_was_for_earlier_customers",
            "test_the_next_customer_sees_the_truck_once_it_has_left_the_stop_before",
        ),
        "policy-of-a-place-shows-the-truck-anywhere": ENTITLED(
            "near = msgspec.structs.replace(delivery.destination, radius_m=radius_m)",
            "near = None",
            "test_within_metres_the_truck_is_shown_near_the_destination_with_the_cargo_on_board",
            "test_within_metres_the_track_begins_where_the_truck_last_came_near",
        ),
        "policy-of-a-time-shows-the-truck-at-any-time": ENTITLED(
            "return is_current and earliest_ms - now_ms <= scope.expected_within_ms",
            "return is_current",
            "test_within_minutes_the_truck_is_shown_while_its_earliest_eta_is_that_soon",
        ),
    },
    "rtdts/tracking/clock_lag.py": {
        "slow-clocks-points-count-after-their-receipt": ENTITLED(
            "return min(clock.lag_ms, elapsed_ms)",
            "return clock.lag_ms",
            "test_a_point_counts_as_later_by_the_lag_and_never_as_later_than_its_receipt",
        ),
        "backlog-treated-as-a-slow-clock": ENTITLED(
            "and RUN_SPREADS * (max_sample_ms - min_sample_ms) <= lasted_ms",
            "",
            "test_delays_of_the_network_and_the_device_do_not_make_a_clock_slow",
        ),
    },
    "rtdts/tracking/truck_stops.py": {
        "stops-shown-while-unknown": ENTITLED(
            "if own is None or not self.is_complete:\n    return False",
            "if own is None:\n    return True",
            "test_nothing_is_shown_while_the_next_stop_is_unknown",
        ),
    },
    "rtdts/tracking/telemetry.py": {
        "point-of-another-truck-accepted": ENTITLED(
            "raise ForeignTruckError(index)",
            "continue",
            "test_a_point_of_another_truck_is_403_and_nothing_is_accepted",
        ),
    },
    "rtdts/tracking/shares.py": {
        "share-valid-after-its-revocation": ENTITLED(
            "return self.revoked_at_ms is None and now_ms < self.expires_at_ms",
            "return now_ms < self.expires_at_ms",
            "test_after_a_revocation_a_token_opens_nothing",
            "test_without_a_live_share_there_is_no_right",
            "test_no_kind_of_nudge_shows_a_revoked_share_anything",
        ),
        "share-never-expires": ENTITLED(
            "return self.revoked_at_ms is None and now_ms < self.expires_at_ms",
            "return self.revoked_at_ms is None",
            "test_every_token_that_opens_nothing_gets_the_same_response",
            "test_without_a_live_share_there_is_no_right",
        ),
        "share-valid-after-a-change-of-customer": ENTITLED(
            "delivery.customer_since_version",
            "self.customer_since_version",
            "test_every_token_that_opens_nothing_gets_the_same_response",
            "test_a_share_ends_when_the_delivery_goes_to_another_customer",
            "test_a_share_ends_when_its_delivery_goes_to_another_customer",
        ),
        "share-of-one-delivery-shows-another": ENTITLED(
            "delivery.delivery_id,",
            "self.delivery_id,",
            "test_a_share_of_another_delivery_shows_nothing",
        ),
    },
    "rtdts/tracking/stream_admission.py": {
        "one-bad-record-stops-a-shard": ISOLATED(
            "return InvalidRecord(reason='not_a_point', detail=str(error))",
            "raise",
            "test_a_record_that_is_no_point_of_its_truck_is_parked_and_others_are_processed",
        ),
    },
    "rtdts/tracking/eta.py": {
        "eta-ignores-this-drives-road-factor": MINUTE(
            "_road_factor(baseline.remaining_m - remaining_m, seen_m, rules)",
            "rules.road_factor",
            "test_a_winding_road_is_expected_to_continue_winding",
        ),
        "eta-counts-noise-as-driven-distance": MINUTE(
            "if step_m < max(rules.step_m, accuracy_m or 0.0):",
            "if step_m == 0.0:",
            "test_noise_of_a_standing_truck_adds_no_distance",
            "test_the_error_of_an_inaccurate_fix_adds_no_distance",
        ),
    },
    "rtdts/tracking/viewer_messages.py": {
        "eta-for-the-previous-destination-shown": MINUTE(
            "abs(made_for_m - remaining_m) > _SAME_PLACE_M:",
            "remaining_m < 0:",
            "test_eta_is_null_when_the_destination_has_changed_since",
        ),
        "eta-shown-for-a-stale-position": MINUTE(
            " or position.stale_since_ms is not None",
            "",
            "test_eta_is_null_when_the_position_is_stale",
        ),
    },
    "rtdts/tracking/fleet_messages.py": {
        "fleet-message-larger-than-a-frame": MINUTE(
            "return rows if len(rows) <= ROWS_MAX_BYTES else None",
            "return rows",
            "test_trucks_that_do_not_fit_into_a_frame_are_sent_as_clusters",
            "test_a_frame_has_room_for_400_ordinary_trucks_or_150_with_the_longest_ids",
        ),
    },
    "rtdts/tracking/fleet_view.py": {
        "number-of-clusters-is-unlimited": ISOLATED(
            "_tiles(self.bbox, precision) > MAX_CLUSTERS:",
            "_tiles(self.bbox, precision) > 1_000 * MAX_CLUSTERS:",
            "test_the_precision_of_a_view_of_the_whole_world_is_limited_at_any_zoom",
        ),
    },
}
