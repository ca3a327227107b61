"""Who is at the door.

    backend                    the contract: AuthBackend, EditableBackend, LoginContext
    gate                       the policy around any backend; the only way to one
    penalties                  who has guessed too often is refused unseen
    chain                      several backends as one, and what each answers
    workers                    calls that may hang, on threads that nobody has to wait for
    memory yamlfile hashfile   the backends: MemoryBackend, YamlBackend, HashedBackend
    record                     one account as a store keeps it
    hashing                    which hashes are accepted, and how many are worked on at once
    filebackend livefile atomic yamledit   what backends in files share: re-reading, replacing, splicing

Re-exports nothing: who needs the contract alone does not load PyYAML and passlib.
"""
