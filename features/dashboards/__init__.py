"""What a force's records add up to, for those who manage: one calculation a module, no scores."""
