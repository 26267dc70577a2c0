"""Breaks of `broadcaster/`."""

from tests.mutations.applying import ENTITLED, ISOLATED, MINUTE, RESTARTED

BREAKS = {
    "broadcaster/pushing.py": {
        "revoked-viewer-gets-further-messages": ENTITLED(
            "right = _REVOKED if revoked else self._right(viewer, delivery, stored)",
            "right = self._right(viewer, delivery, stored)",
            "test_an_open_socket_is_shown_nothing_more_15_s_after_the_revocation",
        ),
        "revoked-connection-stays-open": ENTITLED(
            "if outcome is not Outcome.GONE and revoked:",
            "if outcome is Outcome.GONE and revoked:",
            "test_a_revoked_connection_is_ended_whether_it_reads_or_not",
            "test_a_revoked_connection_that_could_not_be_ended_is_ended_by_the_next_round",
        ),
        "right-read-up-to-a-minute-before-the-post": ENTITLED(
            "RIGHT_MAX_AGE_S: Final = 2.0",
            "RIGHT_MAX_AGE_S: Final = 60.0",
            "test_nothing_is_posted_when_rights_cannot_be_read_in_time",
        ),
        "age-of-stops-not-added-to-the-rights-age": ENTITLED(
            "_WRITTEN_WITHIN_S: Final = RIGHT_MAX_AGE_S - STOPS_MAX_AGE_S",
            "_WRITTEN_WITHIN_S: Final = RIGHT_MAX_AGE_S",
            "test_no_position_is_posted_if_the_stops_are_older_than_a_rights_maximum_age",
        ),
        "right-too-old-after-connecting-treated-as-a-failure": MINUTE(
            "PostOutcome.TOO_LATE: Outcome.RIGHT_TOO_OLD",
            "PostOutcome.TOO_LATE: Outcome.FAILED",
            "test_a_delivery_given_to_another_customer_during_a_slow_connect_is_not_shown",
        ),
        "unavailable-shares-affect-viewers-with-tokens": ISOLATED(
            "is_unknown = stored.shares is None and _has_share(viewer)",
            "is_unknown = stored.shares is None",
            "test_shares_that_cannot_be_read_delay_no_viewer_with_a_token_and_end_nothing",
        ),
        "any-failed-post-treated-as-gone": MINUTE(
            "is_over = outcome is Outcome.GONE or (",
            "is_over = outcome in (Outcome.GONE, Outcome.FAILED) or (",
            "test_a_viewer_keeps_its_subscription_after_a_failed_post",
        ),
        "unreadable-row-treated-as-missing": MINUTE(
            "if is_unknown or viewer.delivery_id in stored.found.unreadable:",
            "if is_unknown:",
            "test_a_row_that_cant_be_read_ends_no_subscription",
        ),
        "one-gone-connection-ends-the-round": ISOLATED(
            "await self._remove(viewer)",
            "raise ConnectionError(viewer.endpoint)",
            "test_a_connection_with_410_is_removed_and_does_not_end_the_round",
        ),
        "posts-of-a-round-run-one-after-another": ISOLATED(
            "return [asyncio.create_task(self._push_one(one, reading.good_until, reserved, post)) "
            "for one in pushes]",
            "tasks = []\n"
            "for one in pushes:\n"
            "    tasks.append(asyncio.create_task("
            "self._push_one(one, reading.good_until, reserved, post)))\n"
            "    await asyncio.wait(tasks)\n"
            "return tasks",
            "test_a_slow_post_delays_no_other_viewer",
            "test_a_slow_viewer_delays_no_other_viewer_and_no_later_nudge",
        ),
    },
    "broadcaster/stops.py": {
        "stops-read-up-to-a-minute-before-the-post": ENTITLED(
            "STOPS_MAX_AGE_S: Final = 0.5",
            "STOPS_MAX_AGE_S: Final = 60.0",
            "test_a_result_is_reused_for_less_than_half_of_a_rights_maximum_age",
        ),
        "change-uses-cached-stops": ENTITLED(
            "for truck_id in () if is_change else by_truck:",
            "for truck_id in by_truck:",
            "test_a_change_does_not_reuse_stops_that_were_read_before_it",
        ),
        "new-delivery-uses-stops-without-it": MINUTE(
            "truck_id not in found or not delivery_ids <= found[truck_id].delivery_ids",
            "truck_id not in found",
            "test_a_delivery_missing_from_the_last_result_is_read_at_once",
        ),
        "customer-shown-by-stops-that-lack-a-delivery": ENTITLED(
            "found.pop(truck_id, None)",
            "pass",
            "test_stops_that_lack_a_new_delivery_are_not_used_if_reading_them_again_fails",
        ),
        "one-failed-read-of-stops-hides-those-of-all-trucks": ISOLATED(
            "with contextlib.suppress(Exception):",
            "with contextlib.suppress(ZeroDivisionError):",
            "test_callers_that_waited_for_a_failed_read_read_again",
        ),
        "stops-read-again-for-every-chunk": ISOLATED(
            "self._readings |= dict.fromkeys(truck_ids, reading)",
            "",
            "test_concurrent_reads_of_a_truck_share_one_query",
        ),
    },
    "broadcaster/fleet_followers.py": {
        "one-dispatcher-occupies-all-fleet-threads": ISOLATED(
            "dispatchers = {f'{one.role}:{one.identity}' for one in followers}",
            "dispatchers = {one.endpoint for one in followers}",
            "test_the_queries_of_one_dispatcher_delay_no_other_query",
        ),
        "fleet-posted-on-a-right-read-before-the-snapshot": ENTITLED(
            "if self._is_new(follower, snapshot) and self._is_entitled(follower, blocks):",
            "if self._is_new(follower, snapshot):",
            "test_nothing_is_shown_when_the_token_expires_while_the_fleet_is_read",
        ),
        "revoked-dispatcher-follows-the-fleet": ENTITLED(
            "if ended is None and (not revoked):",
            "if ended is None:",
            "test_nothing_is_shown_when_the_token_is_revoked_while_the_fleet_is_read",
        ),
        "one-slow-fleet-view-blocks-all-others": ISOLATED(
            "endpoint in self._posting or ",
            "",
            "test_a_slow_viewer_delays_no_other_viewer_and_has_one_post_at_a_time",
        ),
        "fleet-posts-ignore-the-rate-limit": ISOLATED(
            "if not await self._rate.acquire(priority, 1, by_s=by_s) or write_by.passed:",
            "if write_by.passed:",
            "test_fleet_ended_messages_stay_within_the_post_rate",
        ),
    },
    "broadcaster/connection_pool.py": {
        "deadline-not-checked-after-connecting": ENTITLED(
            "if write_by.passed:",
            "if False:",
            "test_a_request_whose_deadline_passes_while_connecting_is_not_written",
            "test_a_request_past_its_deadline_is_not_repeated",
        ),
    },
    "broadcaster/update_messages.py": {
        "one-message-for-all-viewers": ENTITLED(
            "key = (delivery.delivery_id, right.access)",
            "key = (delivery.delivery_id, Access.FULL)",
            "test_while_assigned_a_customer_sees_only_the_status_and_a_dispatcher_also_the_truck",
        ),
    },
    "broadcaster/round_clock.py": {
        "no-round-at-the-start": MINUTE(
            "return Tick(now_ms // interval_ms * interval_ms, 0)",
            "return Tick((now_ms // interval_ms + 1) * interval_ms, 0)",
            "test_the_first_round_is_at_once",
        ),
        "missed-rounds-are-run-later": MINUTE(
            "due_at_ms = running_ms if running_ms > last.due_at_ms else running_ms + interval_ms",
            "due_at_ms = last.due_at_ms + interval_ms",
            "test_missed_rounds_are_not_run_one_after_another",
        ),
    },
    "broadcaster/round_source.py": {
        "round-has-only-half-of-the-buckets": MINUTE(
            "for place in range(BUCKETS)]",
            "for place in range(BUCKETS // 2)]",
            "test_one_broadcaster_alone_runs_every_bucket_of_every_round",
        ),
        "spread-round-is-posted-at-once": MINUTE(
            "return self.due_at_ms + self.spread_ms * place // len(self.buckets)",
            "return self.due_at_ms",
            "test_each_viewer_is_notified_at_its_place_in_the_round_and_every_minute_from_then_on",
        ),
        "same-viewers-left-out-in-every-round": MINUTE(
            "first, skipped = (left_out[0], 1) if left_out else (first, 0)",
            "skipped = 1 if left_out else 0",
            "test_when_the_accounts_rate_is_too_low_no_viewer_is_left_out_for_ever",
        ),
    },
    "broadcaster/shared_rounds.py": {
        "batch-of-buckets-deleted-before-it-is-run": MINUTE(
            "return await run_batch(batch, on_begun=on_begun)",
            "await self._delete(claimed)\nreturn await run_batch(batch, on_begun=on_begun)",
            "test_a_batch_unfinished_at_the_shutdown_deadline_is_given_back_and_not_deleted",
        ),
        "hanging-batch-is-extended-for-ever": MINUTE(
            "if self._is_old(due_at_ms):",
            "if False:",
            "test_a_batch_that_hangs_is_not_extended_past_the_next_round",
        ),
        "same-buckets-come-last-in-every-round": MINUTE(
            "self._order.left_out((one.message.bucket for one in claimed))",
            "pass",
            "test_buckets_that_were_left_out_come_first_until_all_have_run",
        ),
        "broadcaster-that-cannot-read-takes-all-buckets": MINUTE(
            "return report.read_nothing and (not self._is_old(report.due_at_ms))",
            "return False",
            "test_a_broadcaster_that_can_read_nothing_gives_its_buckets_back_to_a_healthy_one",
        ),
        "broadcasters-send-a-spread-round-at-once": MINUTE(
            "at_once = MAX_BATCH if self._spread_ms else BUCKETS",
            "at_once = BUCKETS",
            "test_shared_rounds_run_at_most_ten_buckets_at_a_time_and_report_each_round_once",
        ),
    },
    "broadcaster/sending_order.py": {
        "buckets-change-their-position-in-a-round": MINUTE(
            "default=last)",
            "default=last + 101)",
            "test_every_round_begins_with_the_same_bucket_while_none_is_left_out",
        ),
    },
    "broadcaster/senders.py": {
        "unknown-kind-of-endpoint-fails-a-chunk": ISOLATED(
            "self._unknown(endpoint) if channel is None else await channel.sender.end(name)",
            "await self._channels[kind].sender.end(name)",
            "test_a_revoked_viewer_with_an_unknown_kind_of_endpoint_affects_no_other",
        ),
    },
    "broadcaster/endpoint_backoff.py": {
        "one-throttled-viewer-slows-all": ISOLATED(
            "waiting = self._waiting.get(endpoint)",
            "waiting = next(iter(self._waiting.values()), None)",
            "test_only_the_connection_that_was_throttled_waits",
            "test_only_the_throttled_connection_is_skipped_during_its_backoff",
        ),
    },
    "broadcaster/retry_queue.py": {
        "rejected-posts-are-not-retried-in-their-round": MINUTE(
            "if one.outcome in _RETRYABLE and is_in_time:",
            "if False:",
            "test_a_viewer_throttled_by_the_accounts_quota_is_reached_in_the_same_round",
            "test_a_viewer_throttled_once_or_twice_is_reached_in_the_same_round",
        ),
    },
    "broadcaster/gateway_signals.py": {
        "rate-is-not-lowered-by-throttling": MINUTE(
            "self._rate.throttled(begun_at_s)",
            "pass",
            "test_a_429_for_the_account_slows_all_posts_and_backs_off_no_connection",
            "test_the_next_round_begins_at_the_rate_that_the_last_one_learned",
            "test_trucks_that_use_the_same_quota_slow_posts_but_every_viewer_is_reached",
        ),
        "slow-clients-lower-the-rate-of-all": ISOLATED(
            "self.is_reached = 2 * self._of_the_kind > self._seen",
            "self.is_reached = self._of_the_kind > 0",
            "test_throttling_of_a_third_of_all_connections_is_not_attributed_to_the_account",
        ),
        "no-connection-leaves-quarantine": ISOLATED(
            "self._backoff.responded(endpoint)\nself._quarantine.responded(endpoint)",
            "self._backoff.responded(endpoint)",
            "test_a_recovered_viewer_leaves_quarantine_and_is_reached_by_later_rounds",
        ),
        "hanging-gateway-quarantines-all-connections": ISOLATED(
            "if not self._hanging.is_reached:",
            "if True:",
            "test_a_gateway_that_hangs_puts_only_the_first_connections_tried_in_quarantine",
        ),
    },
    "broadcaster/post_rate.py": {
        "rate-is-cut-once-per-throttled-post": MINUTE(
            "if begun_at_s > self._cut_at_s:",
            "if True:",
            "test_simultaneous_rejections_cut_the_rate_once",
        ),
    },
    "broadcaster/rate_limiter.py": {
        "changes-wait-for-a-rounds-posts": ISOLATED(
            "for other in range(first, len(Priority)):",
            "for other in range(len(Priority)):",
            "test_a_change_of_status_does_not_wait_for_a_round",
            "test_a_change_does_not_wait_for_a_round_and_delays_the_rounds_next_chunk",
        ),
        "positions-use-the-rounds-share-of-the-rate": ISOLATED(
            "posts = min(posts, self._of_rounds)",
            "pass",
            "test_each_viewer_is_reached_even_if_positions_exceed_the_post_rate",
            "test_a_round_gets_its_share_however_many_positions_come",
        ),
    },
    "broadcaster/round.py": {
        "retries-use-the-slots-of-first-attempts": ISOLATED(
            "reserve = slots.reserve if is_ours else slots.reserve_behind",
            "reserve = slots.reserve",
            "test_retries_delay_no_first_attempt_when_slots_are_scarce",
        ),
    },
    "broadcaster/quarantine.py": {
        "hanging-connections-use-slots-in-every-round": ISOLATED(
            "return hanging is not None and hanging.hangs >= HANGS",
            "return False",
            "test_hanging_endpoints_prolong_later_rounds_less_than_the_first",
        ),
    },
    "broadcaster/nudges.py": {
        "poison-nudge-blocks-its-delivery": ISOLATED(
            "if _is_own_fault(error):",
            "if False:",
            "test_a_poison_nudge_is_dead_lettered_at_once_and_blocks_no_later_nudge",
        ),
        "nudge-deleted-before-it-is-handled": RESTARTED(
            "tasks = () if self._is_stale(received) else await self._handler.begin(nudge)",
            "await self._threads.run(self._queue.delete, [received])\n"
            "tasks = () if self._is_stale(received) else await self._handler.begin(nudge)",
            "test_a_nudge_stays_in_the_queue_when_its_delivery_cannot_be_read",
        ),
        "status-waits-behind-queued-positions": MINUTE(
            "and waited_ms > POSITION_STALE_MS",
            "and waited_ms < 0",
            "test_a_position_nudge_that_waited_too_long_is_dropped_and_a_transition_is_not",
        ),
        "positions-use-the-follow-ups-of-changes": ISOLATED(
            "kind = self._counting if isinstance(nudge, PositionNudge) else self._following_up",
            "kind = self._following_up",
            "test_positions_do_not_use_up_the_follow_ups_of_changes",
        ),
        "follow-up-waits-for-a-hanging-viewer": ISOLATED(
            "hanging = frozenset(filter(self._quarantine.contains, missed))",
            "hanging = frozenset()",
            "test_a_throttled_viewer_is_tried_again_without_waiting_for_one_that_hangs",
        ),
    },
    "broadcaster/deletions.py": {
        "hanging-deletion-delays-others": ISOLATED(
            "elif len(self._waiting) == 1:\n    self._start_later()",
            "elif False:\n    pass",
            "test_a_request_that_hangs_delays_no_other_deletion",
        ),
    },
    "broadcaster/nudge_handling.py": {
        "revocation-waits-behind-positions": ENTITLED(
            "await self._rate.acquire(Priority.CHANGE, _posts(nudge, viewers))",
            "await self._rate.acquire(Priority.POSITION, _posts(nudge, viewers))",
            "test_a_revocation_does_not_wait_for_positions",
        ),
        "positions-use-the-slots-of-statuses": ISOLATED(
            "return await self._slots.reserve_behind(viewers)",
            "return await self._slots.reserve(viewers)",
            "test_a_status_does_not_wait_for_slots_behind_positions",
        ),
        "hanging-viewers-use-the-slots-of-changes": ISOLATED(
            "hanging = [one for one in viewers if self._quarantine.contains(one.endpoint)]",
            "hanging = []",
            "test_viewers_that_hang_delay_no_change_of_their_own_or_of_another_delivery",
            "test_positions_are_not_posted_to_quarantined_connections",
        ),
        "status-change-reserves-one-post-instead-of-two": MINUTE(
            "viewers * (2 if isinstance(nudge, TransitionNudge) else 1)",
            "viewers",
            "test_a_change_of_status_counts_as_two_posts",
        ),
        "every-repeated-track-request-gets-a-snapshot": ISOLATED(
            "viewer.subscribed_at_ms > nudge.subscribed_at_ms > 0",
            "False",
            "test_repeated_requests_of_a_viewer_get_only_the_snapshot_of_the_latest",
        ),
        "declared-change-waits-for-the-next-point": MINUTE(
            "if isinstance(nudge, TransitionNudge) and nudge.by_person and (only is None):",
            "if isinstance(nudge, TransitionNudge) and (not nudge.by_person):",
            "test_an_assigned_delivery_is_shown_with_its_truck",
        ),
    },
    "broadcaster/fleet_parts.py": {
        "lease-of-a-fleet-part-never-ends": RESTARTED(
            "if known is not None and now_ms <= known.until_ms:",
            "if known is not None:",
            "test_a_part_of_a_dead_holder_is_free_when_its_lease_ends",
        ),
    },
    "broadcaster/current_deliveries.py": {
        "stale-match-hides-a-declared-change": MINUTE(
            "await self._write(truck_id)\nis_quiet = ",
            "is_quiet = ",
            "test_a_status_overwritten_by_a_batch_with_older_matches_is_written_again",
        ),
        "truck-is-read-once-per-changed-delivery": ISOLATED(
            "await self._sleep(GATHER_S)\nquiet_s = GATHER_S",
            "quiet_s = 0.0",
            "test_many_deliveries_of_one_truck_are_read_together",
        ),
    },
}
