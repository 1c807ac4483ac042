"""The quality gate: which records of a batch can be true, and which are missing."""
