"""Options: their values, the checks of each, and what must agree with what."""
