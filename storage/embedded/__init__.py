"""Postgres and Redis as children of this process: real servers from wheels, data under one folder.

An engine listens on a Unix socket in a folder that only its user may enter, never on the network. It leaves with its
parent however that ends: a watcher holds the read end of a pipe whose write end only the parent has, and interrupts
the engine when the pipe closes. An engine that outlived its parent all the same is adopted at the next start.
"""
