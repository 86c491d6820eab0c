"""Dense layers whose weights are generated for each example (APG)."""
