"""Records to a history matrix: contracts, point-in-time features, cohorts and labels."""
