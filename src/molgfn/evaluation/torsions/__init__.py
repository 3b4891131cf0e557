"""What is true of the conformations of one molecule, by other means than the policy; how far a sampler is."""
