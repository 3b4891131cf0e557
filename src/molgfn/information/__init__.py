"""What a batch of measurements tells of a model: pools, kernels, covariances, joint mutual information."""
