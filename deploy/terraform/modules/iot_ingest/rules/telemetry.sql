SELECT topic(2) AS truck_id, timestamp() AS received_at_ms, encode(*, 'base64') AS payload
