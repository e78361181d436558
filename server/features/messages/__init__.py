"""People with one another, outside of the rooms of streams."""
