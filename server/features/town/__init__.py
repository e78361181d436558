"""Rooms that lean on what stands below: projects and what else a town has around its streams."""
