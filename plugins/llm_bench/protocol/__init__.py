"""A study's protocol, sealed beforehand: what is primary, how it is analysed, and what was changed since."""
