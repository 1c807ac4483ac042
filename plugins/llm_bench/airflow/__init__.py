"""All that knows Airflow: its operators, hook, timetable, policy, listener, notifiers, metrics and metadata."""
