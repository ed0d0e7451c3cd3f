"""What anybody may read without a key: pages, proofs, and what robots look for."""
