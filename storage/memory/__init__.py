"""Memory versions of the drivers, for tests of what stands on them. One contract suite holds both to the same.

They share ``Tables``, as the real ones share a database. ``is_away`` makes every call fail as a lost database does.
"""
