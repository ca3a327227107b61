"""The only wiring: from settings to a running server.

building    `build` and `App`
door        backends, their chain, and the gate before them
listening   where a server listens
roster      the accounts of all backends, to be listed and changed
sessions    sessions ready to use: a kind of session with a wire format
"""
