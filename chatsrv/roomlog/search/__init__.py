"""How words are compared in a search: folding, scripts without spaces, and a query's words."""
