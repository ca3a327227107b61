"""`chatsrv history`: looking into a history, copying it, erasing from it, saving it.

commands   the group, backup and erase; audit, restore, rescue, stats, reading (export and search)
rooms times lines files telling   what these share
"""
