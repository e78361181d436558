"""llama.cpp in a process of its own, which answers over a socket in the file system."""
