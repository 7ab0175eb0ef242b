"""A project for objects that exist already: its manifest and its first tests, as text."""
