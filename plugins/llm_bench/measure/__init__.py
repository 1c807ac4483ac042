"""Asking the questions and timing the answers. Nothing here imports torch, pandas or Great Expectations."""
