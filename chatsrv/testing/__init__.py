"""Contract tests that a stranger's implementation can subclass to prove itself.

`auth` has `AuthBackendContract` and `EditableBackendContract`, `protocol` has `ProtocolContract`, `roomlog` has
`RoomLogContract`. They need pytest.
"""
