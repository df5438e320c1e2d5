"""Screenshots of the running product: every page and state, the docs' images, a short film."""
