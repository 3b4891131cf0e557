"""How near what was sampled, or could be, is to R / Z."""
