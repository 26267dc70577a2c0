"""Breaks of the Lambdas behind the APIs: `delivery_lambda/`, `track_lambda/`, `socket_lambda/`."""

from tests.mutations.applying import ENTITLED, ISOLATED, MINUTE, TIMELINE

BREAKS = {
    "delivery_lambda/decisions.py": {
        "closed-delivery-changed": TIMELINE(
            "if before is not None and (not before.is_open):",
            "if before is not None and before.status is Status.CANCELLED:",
            "test_a_closed_delivery_does_not_change",
        ),
        "delivered-can-be-declared-only-after-arrival": TIMELINE(
            "DeclaredType.DELIVERED: _OPEN,",
            "DeclaredType.DELIVERED: frozenset({Status.ARRIVED}),",
            "test_a_declaration_is_legal_from_some_statuses_only",
        ),
        "declaration-recorded-twice": TIMELINE(
            "if event.idempotency_key == declaration.idempotency_key:",
            "if False:",
            "test_a_declaration_is_recorded_once_per_key",
        ),
        "truck-declares-unlimited-pickups": ISOLATED(
            "_truck_pickups(log) >= MAX_TRUCK_PICKUPS",
            "len(log) < 0",
            "test_a_truck_may_declare_ten_pickups_and_a_dispatcher_any_number",
        ),
        "doubtful-end-hides-the-rest-of-the-track": ENTITLED(
            "closed_at_ms = now_ms if doubts else at_ms",
            "closed_at_ms = at_ms",
            "test_an_end_that_the_sensors_contradict_is_accepted_flagged_and_hides_nothing",
            "test_a_truck_that_claims_an_early_end_hides_nothing_from_viewers",
        ),
        "declaration-accepted-for-another-trucks-time": ENTITLED(
            "if at_ms < delivery.current.started_at_ms:",
            "if at_ms < delivery.created_at_ms:",
            "test_a_truck_may_not_declare_for_the_time_before_its_assignment",
        ),
        "end-of-former-customers-time-not-stored": ENTITLED(
            "since_ms, since_version = (at_ms, before.version + 1)",
            "pass",
            "test_only_another_customer_restarts_the_customers_time",
            "test_a_new_customer_sees_no_event_from_the_former_customers_time",
        ),
        "wider-viewing-policy-shows-the-past": ENTITLED(
            "shown_from(before.shown_from_ms if is_unchanged else None, status, at_ms)",
            "shown_from(before.shown_from_ms, status, at_ms)",
            "test_another_customer_truck_or_policy_shows_nothing_from_before_the_change",
        ),
    },
    "socket_lambda/dispatch.py": {
        "every-viewer-may-track-every-delivery": ENTITLED(
            "return may_ever_view(delivery, role=viewer.role, identity=viewer.identity)",
            "return True",
            "test_deliveries_of_others_are_reported_as_missing",
        ),
        "revoked-token-may-still-track": ENTITLED(
            "viewer.role, viewer.identity, viewer.token, self.now_ms()",
            "viewer.role, '', viewer.token, self.now_ms()",
            "test_an_open_socket_tracks_nothing_more_once_its_token_is_revoked",
        ),
        "revoked-connection-without-a-delivery-stays-open": ENTITLED(
            "self.poster.end(viewer.connection_id)",
            "pass",
            "test_any_frame_of_a_revoked_connection_ends_it",
        ),
        "share-socket-tracks-any-delivery": ENTITLED(
            "if viewer.role == SHARE and viewer.delivery_id != delivery_id:",
            "if viewer.role == SHARE and not viewer.delivery_id:",
            "test_a_socket_of_a_share_gets_not_found_for_any_other_delivery",
        ),
        "ended-sockets-still-count-to-the-limit": MINUTE(
            "self.limits.ended(viewer.role, viewer.identity, viewer.connection_id)",
            "pass",
            "test_a_socket_that_ended_makes_room_for_another",
        ),
        "every-role-may-follow-the-fleet": ENTITLED(
            "if viewer.role != DISPATCHER:",
            "if not viewer.role:",
            "test_only_a_dispatcher_follows_the_fleet",
        ),
    },
    "delivery_lambda/access.py": {
        "every-caller-may-read-every-delivery": ENTITLED(
            "return caller.identity == delivery.customer_id",
            "return True",
            "test_all_other_callers_get_not_found",
        ),
        "truck-reads-deliveries-closed-long-ago": ENTITLED(
            "return closed_at_ms > now_ms - TRUCK_SEES_CLOSED_FOR_MS",
            "return True",
            "test_a_truck_sees_open_deliveries_and_those_closed_within_the_last_day",
        ),
        "truck-lists-deliveries-closed-long-ago": ENTITLED(
            "if caller.role == TRUCK else None",
            "if caller.role == CUSTOMER else None",
            "test_a_truck_sees_open_deliveries_and_those_closed_within_the_last_day",
        ),
    },
    "delivery_lambda/handler.py": {
        "revoked-token-reads-deliveries": ENTITLED(
            "return token_revoked()",
            "pass",
            "test_a_revoked_identity_is_401_within_15_s_on_every_route",
        ),
        "callers-have-no-quota": ISOLATED(
            "app.requests.spend(caller.actor, 1, now_ms)",
            "app.requests.spend(caller.actor, 0, now_ms)",
            "test_requests_beyond_the_quota_are_429_and_read_nothing",
        ),
        "request-to-deliveries-bypasses-the-edge": ISOLATED(
            "if not app.edge.passed(event.get('headers')):",
            "if False:",
            "test_a_request_that_bypasses_the_edge_is_403",
        ),
        "requests-without-a-token-fill-the-log": ISOLATED(
            "is_error and event.get('routeKey') in _OPEN",
            "False",
            "test_failed_attempts_do_not_fill_the_log",
        ),
        "every-rejection-is-logged": ISOLATED(
            "if not is_rejected and",
            "if",
            "test_rejections_of_one_caller_are_logged_only_now_and_then",
        ),
        "page-of-any-origin-gets-tickets": ENTITLED(
            "(not app.origins.allow(event.get('headers')))",
            "app.origins is None",
            "tests/unit/delivery_lambda/test_sharing.py::test_a_page_of_another_origin_gets_no_ticket",
        ),
    },
    "socket_lambda/admission.py": {
        "revoked-token-opens-sockets": ENTITLED(
            "return Rejection(reason=RejectionReason.NOT_VALID, detail='revoked')",
            "pass",
            "test_a_revoked_token_and_its_tickets_open_no_socket",
        ),
        "ticket-outlives-its-revoked-token": ENTITLED(
            "token=Token(spent.token_id, spent.token_issued_at_ms),",
            "token=Token('', 0),",
            "test_a_revoked_token_and_its_tickets_open_no_socket",
        ),
        "socket-request-bypasses-the-edge": ISOLATED(
            "if not edge.passed(event.get('headers')):",
            "if False:",
            "test_a_request_that_bypasses_the_edge_opens_no_socket_and_spends_no_ticket",
        ),
        "invalid-ticket-text-causes-a-write": ISOLATED(
            "tickets.spend(ticket, now_ms) if is_ticket(ticket) else None",
            "tickets.spend(ticket, now_ms)",
            "test_a_malformed_ticket_is_rejected_without_a_write",
        ),
        "token-with-the-role-of-a-share-is-accepted": ENTITLED(
            "return bool(holder.delivery_id)",
            "return True",
            "test_a_token_that_claims_to_be_a_share_opens_nothing",
        ),
        "page-of-any-origin-opens-sockets": ENTITLED(
            "if not origins.allow(event.get('headers')):",
            "if origins.allow(None) is None:",
            "test_a_page_of_another_origin_opens_no_socket_and_spends_no_ticket",
            "test_a_page_of_another_origin_opens_no_socket_with_a_token",
        ),
    },
    "socket_lambda/signing_keys.py": {
        "keys-fetched-over-plain-http": ENTITLED(
            "parts.scheme == 'http' and ipaddress.ip_address(host).is_loopback",
            "parts.scheme == 'http'",
            "test_only_https_is_fetched_except_from_this_machine",
        ),
        "key-fetch-follows-redirects": ENTITLED(
            "urllib.request.build_opener(_NoRedirects)",
            "urllib.request.build_opener()",
            "test_a_redirect_is_not_followed",
        ),
        "every-token-waits-for-an-unavailable-provider": ISOLATED(
            "if self._has_just_tried():\n    raise",
            "if False:\n    raise",
            "test_without_any_key_the_provider_is_not_requested_for_each_token",
        ),
    },
    "socket_lambda/tokens.py": {
        "token-for-another-audience-accepted": ENTITLED(
            "if self._audience not in named:",
            "if not named:",
            "test_a_token_with_an_invalid_claim_or_key_is_rejected",
        ),
    },
    "delivery_lambda/share_service.py": {
        "share-shows-its-delivery-after-viewing-is-over": ENTITLED(
            "return None if is_over else delivery",
            "return delivery",
            "test_a_share_opens_a_closed_delivery_for_as_long_as_it_may_be_viewed",
        ),
        "blocked-share-issues-tickets": ENTITLED(
            " or blocks.revoking(SHARE, share.share_id, NO_TOKEN, now_ms)",
            "",
            "test_every_token_that_opens_nothing_gets_the_same_response",
        ),
        "malformed-share-tokens-are-looked-up": ISOLATED(
            "if not is_share_token(token):",
            "if '~' not in token:",
            "test_a_malformed_token_is_rejected_without_a_read",
        ),
        "requests-with-one-share-are-unlimited": ISOLATED(
            "self._attempts.spend(token, 1, now_ms)",
            "self._attempts.spend(token, 0, now_ms)",
            "test_a_flood_from_one_link_is_bounded_and_rejected_before_anything_is_read",
            "test_a_flood_with_a_made_up_token_is_rejected_like_one_with_a_real_one",
        ),
        "share-has-a-burst-in-every-container": ISOLATED(
            "if not self._shares.acquire_ticket(key, rate, now_ms=now_ms):",
            "if self._shares.acquire_ticket(key, rate, now_ms=now_ms) is None:",
            "test_a_flood_through_many_containers_is_bounded_too",
        ),
    },
    "track_lambda/handler.py": {
        "every-role-may-read-tracks": ENTITLED(
            "if caller is None or caller.role not in CALLERS:",
            "if caller is None:",
            "test_only_dispatchers_may_read_tracks",
        ),
        "dispatchers-track-requests-are-unlimited": ISOLATED(
            "app.pages.spend(caller.actor, 1, now_ms)",
            "pass",
            "test_pages_beyond_a_dispatchers_quota_are_429_and_search_nothing",
        ),
        "revoked-dispatcher-reads-tracks": ENTITLED(
            "if app.blocks.current().revoking("
            "caller.role, caller.identity, caller.token, app.now_ms()):",
            "if False:",
            "test_a_revoked_dispatcher_reads_nothing",
        ),
        "request-to-tracks-bypasses-the-edge": ISOLATED(
            "if not app.edge.passed(event.get('headers')):",
            "if False:",
            "test_a_request_that_bypassed_the_edge_is_403",
        ),
        "every-rejected-track-request-is-logged": ISOLATED(
            "return app.rejection_log.allows(caller.actor if caller else '', app.now_ms())",
            "return True",
            "test_refused_requests_are_logged_at_a_limited_rate",
        ),
    },
    "track_lambda/requests.py": {
        "track-interval-is-unlimited": ISOLATED(
            "if to_ms - from_ms > MAX_INTERVAL_MS:",
            "if to_ms - from_ms > 366 * MAX_INTERVAL_MS:",
            "test_an_invalid_parameter_is_named",
        ),
    },
    "socket_lambda/limits.py": {
        "one-token-opens-unlimited-sockets": ISOLATED(
            "if not self._admits(f'connects:{role}:{identity}', self._limits.connects):",
            "if False:",
            "test_one_token_never_has_more_open_sockets_than_its_limit",
            "test_the_rate_of_connects_is_limited_even_if_each_socket_is_closed",
        ),
        "every-rejected-socket-causes-a-write": ISOLATED(
            "self._rejected.spend(key, 1, now_ms)",
            "pass",
            "test_repeatedly_rejected_connects_do_not_write_each_time",
        ),
        "oldest-socket-over-the-limit-stays-open": ISOLATED(
            "self._close(oldest)",
            "pass",
            "test_one_token_never_has_more_open_sockets_than_its_limit",
            "test_the_oldest_socket_is_notified_and_ended_to_make_room",
        ),
        "frames-of-a-socket-are-unlimited": ISOLATED(
            "return self._counts.try_acquire(key, rate, now_ms)",
            "return True",
            "test_a_socket_that_sends_too_many_frames_is_notified_and_ended",
        ),
        "socket-over-its-frame-limit-stays-open": ISOLATED(
            "self._close(connection_id)",
            "pass",
            "test_a_socket_that_sends_too_many_frames_is_notified_and_ended",
        ),
    },
    "socket_lambda/messages.py": {
        "version-in-a-track-request-is-unlimited": ISOLATED(
            "Meta(ge=0, le=MAX_VERSION)",
            "Meta(ge=0)",
            "test_an_impossible_version_is_a_bad_request",
        ),
    },
    "socket_lambda/authorizer.py": {
        "unauthorized-requests-fire-the-alarm": ISOLATED(
            "except UnauthorizedError:\n    raise\n",
            "",
            "test_rejected_callers_are_not_counted_as_failures_of_the_authorizer",
        ),
    },
}
