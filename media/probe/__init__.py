"""What a file of pictures or sound is: looked at in a child process that gets its bytes from us, and nothing else."""
