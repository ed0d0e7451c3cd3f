"""The log: commands, the executor that runs them, and the events they leave."""
