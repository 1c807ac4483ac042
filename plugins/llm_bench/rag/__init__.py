"""What comes before the LLM: the questions, the documents, and the context of each question."""
