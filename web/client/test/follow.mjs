/**
 * Tracks a share's delivery from the command line, and prints each report as one line of JSON.
 *
 *   node follow.mjs CLIENT_JS SERVER_URL WEBSOCKET_URL TOKEN TIMING_JSON
 */

const [client, serverUrl, webSocketUrl, token, timing] = process.argv.slice(2);
const { DeliveryTracker, shareAccess } = await import(client);

const tracker = new DeliveryTracker({
  webSocketUrl,
  access: shareAccess({ serverUrl, token }),
  timing: JSON.parse(timing),
  onReport(report) {
    console.log(JSON.stringify(report));
    if (report.connection === 'ended') process.exit(0);
  },
});
tracker.start();
process.on('SIGTERM', () => tracker.stop());
