"""Contexts for the questions, and how well an answer used its context."""
