"""What crosses layers: values that all may use, and that know nobody who uses them.

entries changes                what a log has; what was decided
commands verbs replies         what a session is asked for, the table of commands, and what is answered
statements reports refusals    what is stated to one session, with a code and facts
accounts rights requiring      who somebody is, what they may do, and asking for a right
style                          how somebody wants lines shown
login                          what comes of a step of a login
reasons errors                 why a connection ends; every exception of ours
limits loginpolicy strength    what one peer may use; the rules of logins; what a new password must be
roomrules history              which rooms there are; how much of what was said is kept and told
section accepts                what a section of the settings is made of; a note beside a setting's type
distinct                       named tuples that are equal within their class alone
"""
