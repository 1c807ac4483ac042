"""A whole Airflow on this machine, inside the checkout: started, driven over its REST API, and stopped."""
