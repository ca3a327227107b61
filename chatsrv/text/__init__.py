"""Pure functions on text: names and what looks like them, characters, cleaning, durations, forms of hashes.

names lookalike    how a name is prepared and compared; which names look alike
characters         which characters have which part, by Unicode's properties
cleaning           what of a peer's text may reach another person's terminal
durations nearest  times as people write them; the nearest of several words
hashforms          what stored password hashes look like
"""
