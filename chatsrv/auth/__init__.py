"""Logins: the contract of a backend, the policy around every one, and the backends.

    backend                    the contract: AuthBackend, EditableBackend, LoginContext
    gate                       the policy around any backend; the only way to one
    penalties                  who has guessed too often is refused unseen
    knownplaces                from where an account has logged in
    chain                      several backends as one, and what each answers
    rates                      how often one account may log in and change its password
    workers                    calls that may hang, on threads that nobody has to wait for
    backends                   the backends, and what they share
    record                     one account as a store keeps it
    hashing turns line         which hashes are accepted; how many are worked on at once, and whose turn it is
    hashlibrary                libpass, and whether it is what is installed

Re-exports nothing: who needs the contract alone does not load PyYAML and passlib.
"""
