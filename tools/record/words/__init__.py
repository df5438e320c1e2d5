"""The tickets of the games from Debian: which bug was seen where, in whose words."""
