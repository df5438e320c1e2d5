"""Everything about Jira: REST, webhooks, comments."""
