"""Distances between two distributions that are known exactly, each in a file."""
