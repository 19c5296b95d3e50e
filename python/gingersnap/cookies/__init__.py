"""Cookies: their attributes, the formats of their values, and the Set-Cookie lines that set and remove them."""
