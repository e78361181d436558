"""Pushing a live stream on to other servers over RTMP: one task a target, and nothing that one of them does reaches
the stream or the others.
"""
