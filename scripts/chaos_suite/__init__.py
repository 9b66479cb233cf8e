"""The chaos suite: seeded schedules of faults, and what must be true after each. Started by scripts/chaos."""
