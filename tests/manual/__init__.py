"""README and docs/, read for the tests that hold them to the code."""
