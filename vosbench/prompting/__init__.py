"""Draw prompts from a true mask, as a user would give them."""
