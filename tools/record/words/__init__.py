"""The tickets of the games from Debian: which bug was seen where, and the ticket's text."""
