"""Breaks of the clients: `rtdts_client/` and `web/`."""

from tests.mutations.applying import ENTITLED, MINUTE, RESTARTED

BREAKS = {
    "rtdts_client/session.py": {
        "python-client-does-not-replace-old-sockets": MINUTE(
            "is_due = self._live is not None and now_ms >= self._live.replace_at_ms",
            "is_due = False",
            "test_the_session_matches_the_vectors",
            "test_each_connection_is_replaced_without_a_gap_before_the_gateways_limit_ends_it",
        ),
        "python-client-skips-missed-events": MINUTE(
            "since = complete_through(self._view)",
            "since = self._view.version",
            "test_nothing_is_missed_or_reported_twice_in_6_hours_of_random_closes",
        ),
    },
    "rtdts_client/view.py": {
        "python-client-shows-an-older-position": MINUTE(
            "if known is not None and message.position_at < known:",
            "if False:",
            "test_the_receiver_matches_the_vectors",
        ),
    },
    "rtdts_client/http_post.py": {
        "python-client-sends-a-token-to-another-host": ENTITLED(
            "urllib.request.HTTPErrorProcessor(),",
            "urllib.request.HTTPErrorProcessor(), urllib.request.HTTPRedirectHandler(),",
            "test_a_redirect_is_not_followed_with_a_token",
        ),
    },
    "web/client/src/view.ts": {
        "web-client-shows-an-older-position": MINUTE(
            "if (known !== null && message.position_at < known) {",
            "if (false) {",
            "test_the_pages_own_tests_pass",
        ),
    },
    "web/console/sign_in_flow.ts": {
        "console-accepts-a-code-that-it-did-not-request": ENTITLED(
            "if (pending === null || query.get('state') !== pending.state) {",
            "if (pending === null) {",
            "test_the_pages_own_tests_pass",
        ),
    },
    "web/console/fleet_session.ts": {
        "console-shows-a-snapshot-of-another-view": MINUTE(
            "if (fleet.view === this.#viewName && !isOvertaken) {",
            "if (!isOvertaken) {",
            "test_the_pages_own_tests_pass",
        ),
    },
    "web/console/service.ts": {
        "console-overwrites-an-existing-delivery-on-create": RESTARTED(
            "if (!isRetry) {", "if (isRetry) {", "test_the_pages_own_tests_pass"
        ),
    },
    "web/console/replay.ts": {
        "replay-invents-positions-of-a-silent-truck": MINUTE(
            "if (!to || to.atMs - from.atMs > SILENCE_MS) {",
            "if (!to) {",
            "test_the_pages_own_tests_pass",
        ),
    },
    "web/console/alerts.ts": {
        "no-alert-for-an-arrived-delivery-not-closed": MINUTE(
            "nowMs - sinceMs >= ALERT_AFTER_MS",
            "nowMs - sinceMs < 0",
            "test_the_pages_own_tests_pass",
        ),
    },
    "web/tracking/page_state.ts": {
        "page-does-not-mark-old-positions": MINUTE(
            "const isOld = !hasClosed && age_s !== null && age_s * 1000 > OLD_AFTER_MS;",
            "const isOld = false;",
            "test_the_pages_own_tests_pass",
        ),
    },
}
