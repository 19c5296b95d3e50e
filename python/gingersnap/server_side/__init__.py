"""Sessions that live in a store: the middleware's part, one request's context, its load and its commit."""
