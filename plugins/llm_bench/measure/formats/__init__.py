"""The wire formats of LLM providers: a reader each, behind one small interface.

A reader is chosen by the response's content type (how events are framed) and by the shape of the first event that it
knows (what they say), so that a gateway at any address is read by what it sends.
"""
