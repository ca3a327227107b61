"""How threads share what there is.

locks    locks with ranks, so that no two threads wait for each other
slots    which threads may run Python at a time, and in which order they get to
flood    how many commands an account may send: token buckets
effort   what looking something up may cost
"""
