"""DRIVERS: Postgres, Redis and objects, and the tables of the core. The only place that imports their clients."""
