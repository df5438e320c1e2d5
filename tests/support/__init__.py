"""What tests share: the services that they use, the data they work on, and pytest plugins."""
