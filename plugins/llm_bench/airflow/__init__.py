"""All that knows Airflow: its operators, hook, timetable, policy, listener, notifiers, metrics and metadata."""

POOLS = "pools"
"""XCom of the pools that a batch's cells wait in: each pool with how many cells in a row it is for."""
