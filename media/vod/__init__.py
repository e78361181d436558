"""Files that people have sent, made into CMAF segments by child processes."""
