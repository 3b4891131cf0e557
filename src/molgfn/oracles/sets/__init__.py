"""What the measurements of a set of members of a pool would tell of a model."""
