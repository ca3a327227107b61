"""From a listening socket to a session's thread: servers, the accept loop, and who may come in at all."""
