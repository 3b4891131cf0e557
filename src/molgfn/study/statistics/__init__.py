"""Numbers of many runs to statements about rows: intervals, tests, and aggregates over tasks."""
