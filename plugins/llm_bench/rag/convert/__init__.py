"""Other documents than Markdown: each is made into Markdown, once, in a process of its own that can't do much harm."""
