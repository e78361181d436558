"""What is watched after it was live: clips, markers, recordings as files."""
