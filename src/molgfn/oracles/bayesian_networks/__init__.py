"""How well a Bayesian network's structure explains observations: log marginal likelihoods of DAGs."""
