"""What comes after the LLM: how well an answer used its context."""
