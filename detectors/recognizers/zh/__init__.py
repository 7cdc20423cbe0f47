"""Identifiers of mainland China, Hong Kong, Macao and Taiwan."""
