"""The auth backends, and what they share.

    memory yaml htpasswd               MemoryBackend, YamlBackend, HashedBackend
    program process                    the backend that asks a program; one run of a program
    filebackend livefile atomic        what backends in files share: reading again, replacing as a whole
    inplace yamledit yamlhints         writing a file that cannot be replaced; splicing YAML; what YAML may have cut off
    transfer                           accounts on their way from one file into another

Re-exports nothing: whoever needs one backend does not load what the others need.
"""
