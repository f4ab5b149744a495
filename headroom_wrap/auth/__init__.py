"""Signing in to services that have no key of the user's: GitHub Copilot."""
