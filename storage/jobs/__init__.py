"""Jobs: rows of work that outlive their process, the workers' claims on them, and schedules."""
