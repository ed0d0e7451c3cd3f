"""Top-ups: an account that runs low asks for money, and the deposit that names the request answers it."""
