"""The join of a batch: the quality gate, the object store, loading exactly once, and the exports."""
