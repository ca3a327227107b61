"""Contract tests that a stranger's implementation can subclass to prove itself; see the modules.

    auth        AuthBackendContract, EditableBackendContract
    protocol    ProtocolContract
    roomlog     RoomLogContract
"""
