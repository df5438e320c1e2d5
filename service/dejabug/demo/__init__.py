"""A make-believe studio: clips, tickets, a stand-in Jira, and the story that `make demo` tells."""
