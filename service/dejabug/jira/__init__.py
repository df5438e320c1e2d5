"""Everything that Jira says and hears: REST, webhooks, comments."""
