"""Pages for people: sign in, whom to review first, one person and why, how scores are made."""
