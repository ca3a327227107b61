"""Every sentence that a chatter reads, in one place, for all wire formats: values in, words out.

Knows no bytes, no wire formats, no rooms, and nobody who is in them: what it needs to know stands in the values. Pure
functions and tables; any thread may use them.
"""
