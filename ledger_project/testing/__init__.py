"""What the test run needs and the product does not."""
