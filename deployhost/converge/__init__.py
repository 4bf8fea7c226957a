"""What is not as it should be: one plan file per finding, and what carries its steps out."""
