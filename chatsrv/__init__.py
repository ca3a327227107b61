"""A chat server with real logins, and the framework it is made of."""
