"""What items look like, say and are: layers of models of several modalities."""
