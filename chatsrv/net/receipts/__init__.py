"""What was written in which order, what the peer's TCP has taken of it, and the bookmarks that follow."""
