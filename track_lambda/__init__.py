"""The Lambda behind ``GET /trucks/{truck_id}/track``: a truck's history, page by page."""
