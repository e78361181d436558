"""For operators: the cluster, its jobs, the readers of its facts, and the audit log."""
