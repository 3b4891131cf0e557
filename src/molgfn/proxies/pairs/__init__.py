"""Proxies that are fitted to judgements of pairs: scores after Bradley and Terry."""
