"""From samples to a page: every number of it comes from the results; only the targets are written here."""
