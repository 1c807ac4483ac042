"""Doubles of what a test can't reach, the paid APIs: real HTTP servers, held to the documented wire format."""
