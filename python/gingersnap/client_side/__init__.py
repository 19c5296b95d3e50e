"""Sessions that live in their cookie: the middleware's part and one request's context."""
