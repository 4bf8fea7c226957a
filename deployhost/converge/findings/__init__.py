"""What may be wrong: one pure plan file per finding, with the types of its steps beside it."""
