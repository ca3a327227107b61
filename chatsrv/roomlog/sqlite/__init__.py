"""The room logs in an SQLite file: all that knows it is SQLite.

store durable archived archive   the store; the log of one room; how it is read, in memory and in the file
recorder upkeep                  the one thread that writes; what it sees to in between
journal unsettled                the files beside it, watched; what is recorded again if they lose it
index readers schema rows mark   words; places of readers; tables and versions; many rows at once; whose file it is
file erasing backup restoring rescue pages foreign outlook newfile   the file for whoever is not the server
"""
