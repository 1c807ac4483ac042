"""llm-bench: measures hosted LLM APIs on a schedule and keeps an honest record of what it saw."""

__version__ = "0.1.0"
