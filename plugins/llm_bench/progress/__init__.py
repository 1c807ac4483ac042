"""How far a study is: what became of each slot, and what to do about it."""
