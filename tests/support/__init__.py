"""What tests share: the services they talk to, the data they work on, and plugins of pytest."""
