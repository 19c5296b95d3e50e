"""How sessions are written into cookies: one small class for each layout."""
