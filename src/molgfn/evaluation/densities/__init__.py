"""How samples with real coordinates compare with the density that they should have."""
