"""Options: their values, the checks of each, and the checks of combinations."""
