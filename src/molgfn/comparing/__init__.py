"""A person says which of two molecules is better: pairs, their answers in a file, and a local page that asks."""
