"""How near the samples are to a reference, a file of molecules."""
