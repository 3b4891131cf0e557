"""Trainable proxies: ensembles of graph networks fitted to a table of molecules, which serve as oracles."""
