"""The tasks of a batch, in their order: prepare, measure, score, validate and load."""
