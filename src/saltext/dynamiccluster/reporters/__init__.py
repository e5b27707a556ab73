"""Reporters: what takes the cluster's numbers somewhere else, built in or of the site."""
