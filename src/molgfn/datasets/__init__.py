"""Sets of molecules: which there are, where they come from, and how they are read and brought into one form."""
