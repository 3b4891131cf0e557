"""Masks of a trained network, and how well each explains the data."""
