"""API Gateway's WebSocket APIs, for as many sockets as one machine can hold.

The definitions (APIs, routes, authorizers, functions) are in the local AWS, where the provisioning
creates them; this process serves their sockets and their ``@connections``. `http_head`,
`signature`, `rates`, `admission`, `events` and `definitions` contain the decisions without I/O;
`sockets`, `management`, `functions`, `function_logs` and `catalog` do the I/O; `gateway`
coordinates them.

What AWS documents, and where:

- quotas (frames of 32 KB, messages of 128 KB, closed with 1009 beyond; 10 minutes idle; 2 hours of
  life; 500 new connections per second and account): "Quotas for configuring and running a WebSocket
  API in API Gateway" (apigateway-execution-service-websocket-limits-table.html);
- 10,000 requests per second and account, with a burst of 5,000: "Amazon API Gateway quotas"
  (limits.html);
- routes: "Create routes for WebSocket APIs" (websocket-api-develop-routes.html);
- authorizers: "Control access to WebSocket APIs with AWS Lambda REQUEST authorizers"
  (apigateway-websocket-api-lambda-auth.html);
- what is sent to a client and when: "Set up WebSocket API route responses"
  (apigateway-websocket-api-route-response.html);
- ``@connections``: "Use @connections commands in your backend service"
  (apigateway-how-to-call-websocket-api-connections.html), and the API reference of
  ``PostToConnection`` (410 ``GoneException``, 429 ``LimitExceededException``, 413
  ``PayloadTooLargeException``, 403 ``ForbiddenException``).

docs/decisions/0031 lists where ministack's own gateway differs.
"""
