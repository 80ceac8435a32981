"""Families of attacks: each module has one idea of how a load could be made to do something, and varies it."""
