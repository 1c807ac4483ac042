"""Doubles of what can't be reached from a test: the paid APIs. Real HTTP servers, held to the documented wire format."""
