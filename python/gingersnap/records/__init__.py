"""One record in a store and the id of its session: ids, the guarded calls, and what a save writes."""
