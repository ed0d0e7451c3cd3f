"""The back office: Django's admin for people who keep books."""
