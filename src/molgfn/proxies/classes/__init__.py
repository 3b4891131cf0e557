"""Proxies that are fitted to labels, such as active and inactive: a probability for each molecule."""
