"""Which candidates of a round are measured together."""
