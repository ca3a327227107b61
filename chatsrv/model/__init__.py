"""What crosses layers: values that all may use, and that know nobody who uses them.

entries changes              what a log has; what was decided
commands verbs replies       what a session is asked for, the table of commands, and what is answered
accounts rights style        who somebody is, what they may do, and how they want lines shown
reasons errors               why a connection ends; every exception of ours
limits loginpolicy strength  what one peer may use; the rules of logins; what a new password must be
accepts                      a note beside a setting's type
"""
