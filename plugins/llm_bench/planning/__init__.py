"""What a study will ask, take and cost, whether its limits carry it, and what it can show: said before it starts."""
