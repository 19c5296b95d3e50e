"""Cookies: attributes, layouts of one value, and the Set-Cookie lines that set and remove it."""
